import * as tf from '@tensorflow/tfjs';
import {untaped} from '../losses/untaped.js';
import {halfSquares} from './half-squares.js';

/** What a step sees of the samples and of the critic; empty where the critic takes no part. */
export interface Observed extends tf.NamedTensorMap {
  /** The critic's logits for the real samples. */
  realLogits?: tf.Tensor;
  /** The critic's logits for the fake samples. */
  fakeLogits?: tf.Tensor;
  /** The mean square of all values of the real samples, then of the fake ones, `[2]`. */
  meanSquares?: tf.Tensor;
  /** The mean of the real samples, then of the fake ones, `[2, values of a sample]`. */
  meanSamples?: tf.Tensor;
}

/** Of the critic's logits. */
export function observedLogits(realLogits: tf.Tensor, fakeLogits: tf.Tensor): Observed {
  return {realLogits: seen(() => tf.clone(realLogits)), fakeLogits: seen(() => tf.clone(fakeLogits))};
}

/**
 * Of the samples, without the noise that the critic may see on them. Of these two, means over samples, follows how much the samples
 * differ, also over the parts of a batch, at next to no cost.
 */
export function observedSamples(real: tf.Tensor, fake: tf.Tensor): Observed {
  return {
    meanSquares: seen(() => tf.stack([real, fake].map(x => tf.mul(halfSquares(x), 2 / x.size)))),
    meanSamples: seen(() => tf.stack([real, fake].map(x => tf.reshape(tf.mean(x, 0), [-1])))),
  };
}

/** Kept, and on no gradient tape. */
function seen(compute: () => tf.Tensor): tf.Tensor {
  return tf.keep(untaped(() => tf.tidy(compute)));
}
