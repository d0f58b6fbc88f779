import * as tf from '@tensorflow/tfjs';

/** What a network with several inputs is given: a tensor for each, in order; or the only one. */
export type Inputs = tf.Tensor | tf.Tensor[];

/** Inputs as a list; an empty one for none. */
export function listOf(inputs: Inputs = []): tf.Tensor[] {
  return Array.isArray(inputs) ? inputs : [inputs];
}

/** A batch in as many parts as it has samples for, up to `lanes`, the first ones larger if it does not divide. */
export function splitBatch(batch: tf.Tensor, lanes = 1): tf.Tensor[] {
  const samples = batch.shape[0];
  const parts = Math.min(lanes, samples);
  if (parts === 1) return [batch];
  const sizes = Array.from({length: parts}, (_, i) => Math.ceil((samples - i) / parts));
  return tf.split(batch, sizes);
}

/** The inverse of `splitBatch`. */
export function joinBatch(parts: tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : tf.concat(parts);
}

/** `splitBatch` of every input: the inputs of each part. There is at least one input. */
export function splitInputs(inputs: Inputs, lanes = 1): tf.Tensor[][] {
  const parts = listOf(inputs).map(input => splitBatch(input, lanes));
  return parts[0]!.map((_, part) => parts.map(ofInput => ofInput[part]!));
}
