import type * as sharpModule from 'sharp';

/** The function that the package sharp exports. */
export type Sharp = typeof sharpModule.default;

let loading: Promise<{sharp?: Sharp; problem: string}> | undefined;

/** The optional package sharp, or undefined where it is not installed or cannot be loaded. */
export async function importSharp(): Promise<Sharp | undefined> {
  return (await load()).sharp;
}

/** Why a picture other than a PNG cannot be read or written where `importSharp` gives nothing, and the way out. */
export async function sharpProblem(): Promise<string> {
  return (await load()).problem;
}

function load(): Promise<{sharp?: Sharp; problem: string}> {
  loading ??= import('sharp').then(
    module => {
      // It keeps a decoded WebP by name, and would give it out again when the file has changed.
      module.default.cache(false);
      return {sharp: module.default, problem: ''};
    },
    (error: unknown) => ({problem: problemOf(error)}),
  );
  return loading;
}

function problemOf(error: unknown): string {
  const {message} = error as Error;
  // Its own absence, not that of a package that it needs itself.
  if (/^Cannot find (package|module) 'sharp'/.test(message)) {
    return 'only PNG works without the package sharp; run: npm install sharp';
  }
  return (
    `only PNG works, because the package sharp is installed but does not load (${message.split('\n')[0]}); ` +
    'install it anew on this machine: npm install --include=optional sharp'
  );
}
