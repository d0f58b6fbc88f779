import type * as tf from '@tensorflow/tfjs';

/** The values of a tensor, for comparison. */
export async function valuesOf(tensor: tf.Tensor): Promise<number[]> {
  return Array.from(await tensor.data());
}

/** Fails unless each value is within `tolerance` of the expected one, relative to the largest expected magnitude. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  // The oracles are float64: below the smallest float32 their values are zero here.
  const scale = Math.fround(Math.max(...Array.from(expected, Math.abs)));
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - Math.fround(expected[i]!));
    if (!(difference <= tolerance * scale)) {
      throw new Error(`value ${i} is ${actual[i]}, expected ${expected[i]} within ${tolerance} of ${scale}`);
    }
  }
}
