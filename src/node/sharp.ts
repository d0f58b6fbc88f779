import type * as sharpModule from 'sharp';

/** The function that the package sharp exports. */
export type Sharp = typeof sharpModule.default;

/** Why a picture other than a PNG cannot be read or written, and the way out. */
export const SHARP_MISSING = 'only PNG works without the package sharp; run: npm install sharp';

let loading: Promise<Sharp | undefined> | undefined;

/** The optional package sharp, or undefined where it is not installed. */
export function importSharp(): Promise<Sharp | undefined> {
  loading ??= import('sharp').then(
    module => {
      // It keeps a decoded WebP by name, and would give it out again when the file has changed.
      module.default.cache(false);
      return module.default;
    },
    () => undefined,
  );
  return loading;
}
