import type * as sharpModule from 'sharp';

/** The function that the package sharp exports. */
export type Sharp = typeof sharpModule.default;

let loading: Promise<Sharp | undefined> | undefined;

/** The optional package sharp, or undefined where it is not installed. */
export function importSharp(): Promise<Sharp | undefined> {
  loading ??= import('sharp').then(
    module => module.default,
    () => undefined,
  );
  return loading;
}
