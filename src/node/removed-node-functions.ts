import util from 'node:util';

/** Functions of `util` that Node 22 warns of, 23 and later lack, and `@tensorflow/tfjs-node` 4.22 calls (tfjs#8609). */
const REMOVED = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: (value: unknown) => Array.isArray(value),
};

/** Supplies them, which does the same as Node's own but without a warning in the user's terminal. */
export function supplyRemovedFunctions(): void {
  Object.assign(util, REMOVED);
}
