/**
 * A seeded generator of uniform numbers in [0, 1): the same on every machine for the same whole-number keys, and
 * unrelated for different ones. sfc32 by Chris Doty-Humphrey (PractRand), started from a hash of the keys.
 */
export function seededRandom(...keys: number[]): () => number {
  const state = new Uint32Array([0x9e3779b9, 0x243f6a88, 0xb7e15162, 1]);
  const next = () => {
    const sum = (state[0]! + state[1]! + state[3]!++) >>> 0;
    state[0] = state[1]! ^ (state[1]! >>> 9);
    state[1] = state[2]! + (state[2]! << 3);
    state[2] = ((state[2]! << 21) | (state[2]! >>> 11)) + sum;
    return sum;
  };
  for (const key of keys) {
    state[0]! ^= key;
    state[1]! ^= Math.floor(key / 2 ** 32);
    for (let i = 0; i < 12; i++) next();
  }
  return () => next() / 2 ** 32;
}
