/**
 * What all copies of this package in a process have in common under a name, made by the first. A program that imports
 * the package and requires it has two copies, but one TensorFlow.js.
 */
export function onePerProcess<T>(name: string, make: () => T): T {
  const shared = globalThis as unknown as Record<symbol, T | undefined>;
  return (shared[Symbol.for(`tfjs-ragan.${name}`)] ??= make());
}

/** What has been registered with TensorFlow.js: a second registration would wrap the first. */
export const registered = onePerProcess('registered', () => new Set<string>());
