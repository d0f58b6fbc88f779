import util from 'node:util';

/** Functions of `util` that Node 22 warns of, 23 and later lack, and `@tensorflow/tfjs-node` 4.22 calls (tfjs#8609). */
const REMOVED = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: (value: unknown) => Array.isArray(value),
};

/** The first Node that prints a warning when one of its own is called. */
const FIRST_TO_WARN = 22;

/** Supplies them where they are missing, or where Node's own would put a warning into the user's terminal. */
export function supplyRemovedFunctions(node: string = process.versions.node): void {
  const utilities = util as unknown as Record<string, unknown>;
  for (const [name, supplied] of Object.entries(REMOVED)) {
    if (parseInt(node) >= FIRST_TO_WARN) utilities[name] = supplied;
    else utilities[name] ??= supplied;
  }
}
