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

/** What is seen of a batch, kept, and on no gradient tape. */
export function observe(real: tf.Tensor, fake: tf.Tensor, realLogits: tf.Tensor, fakeLogits: tf.Tensor): Observed {
  const constant = (compute: () => tf.Tensor) => tf.keep(untaped(() => tf.tidy(compute)));
  return {
    realLogits: constant(() => tf.clone(realLogits)),
    fakeLogits: constant(() => tf.clone(fakeLogits)),
    // Of these two, means over samples, follows how much the samples differ, also over the parts of a batch, at next to no cost.
    meanSquares: constant(() => tf.stack([real, fake].map(x => tf.mul(halfSquares(x), 2 / x.size)))),
    meanSamples: constant(() => tf.stack([real, fake].map(x => tf.reshape(tf.mean(x, 0), [-1])))),
  };
}
