import util from 'node:util';

/** Functions that Node 23 removed from `util` and that `@tensorflow/tfjs-node` 4.22 calls (tfjs#8609). */
const REMOVED = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: (value: unknown) => Array.isArray(value),
};

/** Supplies them where they are missing. */
export function supplyRemovedFunctions(): void {
  for (const [name, supplied] of Object.entries(REMOVED)) {
    if (!(name in util)) Object.assign(util, {[name]: supplied});
  }
}
