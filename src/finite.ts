import type * as tf from '@tensorflow/tfjs';

/** Thrown for NaN or Infinity where numbers are needed: what has met it is worth nothing. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
  /** @param found what was met, in a few words that a message can go on with. */
  constructor(
    message: string,
    readonly found: string,
  ) {
    super(message);
  }
}

/** The first value that is NaN or infinite; undefined where all are finite. */
export function firstNonFinite(values: tf.TypedArray): number | undefined {
  // Not `find` or `for ... of`, which take several times as long for millions of weights.
  let i = 0;
  while (i < values.length && Number.isFinite(values[i])) i++;
  return values[i];
}

/** What is wrong with a model's weights in words, such as `conv2d/kernel holds NaN`; undefined where all are finite. */
export async function nonFiniteWeight(model: tf.LayersModel): Promise<string | undefined> {
  for (const weight of model.weights) {
    const bad = firstNonFinite(await weight.read().data());
    if (bad !== undefined) return `${weight.originalName} holds ${bad}`;
  }
  return undefined;
}
