import * as tf from '@tensorflow/tfjs';
import {untaped} from '../losses/untaped.js';
import {halfSquares} from './half-squares.js';

/** What a step sees of the samples and of the critic; empty where the critic takes no part. */
export interface Observed extends tf.NamedTensorMap {
  /** The critic's logits for the real samples. */
  realLogits?: tf.Tensor;
  /** The critic's logits for the fake samples. */
  fakeLogits?: tf.Tensor;
  /** `meanSquares` of the real samples, then of the fake ones, `[4]`. */
  meanSquares?: tf.Tensor;
}

/** What is seen of a batch, kept, and on no gradient tape. */
export function observe(real: tf.Tensor, fake: tf.Tensor, realLogits: tf.Tensor, fakeLogits: tf.Tensor): Observed {
  const constant = (compute: () => tf.Tensor) => tf.keep(untaped(() => tf.tidy(compute)));
  return {
    realLogits: constant(() => tf.clone(realLogits)),
    fakeLogits: constant(() => tf.clone(fakeLogits)),
    meanSquares: constant(() => tf.stack([...meanSquares(real), ...meanSquares(fake)])),
  };
}

/**
 * The mean square of samples, and that of their mean over the batch: they differ by the mean variance of a value over the batch.
 * So taken, without the samples' differences, it costs next to nothing.
 */
function meanSquares(samples: tf.Tensor): [samples: tf.Tensor, mean: tf.Tensor] {
  const rows = tf.reshape(samples, [samples.shape[0], -1]);
  const mean = tf.mean(rows, 0);
  return [tf.mul(halfSquares(rows), 2 / rows.size), tf.mul(halfSquares(mean), 2 / mean.size)];
}
