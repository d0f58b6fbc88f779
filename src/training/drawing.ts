import {seededRandom} from '../seeded-random.js';

/**
 * Runs what draws random numbers, so that they are a function of these whole numbers: tfjs takes them, where an op is given
 * no seed of its own, from generators that it starts by `Math.random`, which is another one here.
 *
 * @param run must not be async.
 */
export function drawing<T>(keys: readonly number[], run: () => T): T {
  const {random} = Math;
  Math.random = seededRandom(...keys);
  try {
    return run();
  } finally {
    Math.random = random;
  }
}
