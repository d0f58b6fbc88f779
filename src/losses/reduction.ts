import * as tf from '@tensorflow/tfjs';
import type {Averaging} from './averaging.js';
import {localAveraging} from './averaging.js';

/** A reduced loss and the gradient of that number with respect to each element, which broadcasts against them. */
export interface Reduced {
  loss: tf.Scalar;
  elementGradient: tf.Tensor;
}

/**
 * What `tf.losses.computeWeightedLoss` computes, with its gradient, over everything that `averaging` covers: the loss is
 * the whole's, the gradient is that of this part's elements.
 */
export function reduceWithGradient(
  elements: tf.Tensor,
  weight: tf.Tensor | undefined,
  reduction: tf.Reduction,
  averaging: Averaging = localAveraging,
): Reduced {
  const weighted = weight ? tf.mul(elements, weight) : elements;
  const total = averaging.total(tf.sum(weighted), elements.size);
  const divisor = divisorOf(elements, weight, reduction, averaging, total.count);
  const one = weight ?? tf.scalar(1);
  return {loss: tf.div(total.sum, divisor), elementGradient: tf.div(one, divisor)};
}

function divisorOf(
  elements: tf.Tensor,
  weight: tf.Tensor | undefined,
  reduction: tf.Reduction,
  averaging: Averaging,
  count: number,
): tf.Tensor | number {
  switch (reduction) {
    case tf.Reduction.SUM:
      return 1;
    case tf.Reduction.NONE:
      throw new Error('reduction: training needs one number, but the loss has reduction NONE; use MEAN or SUM.');
    default: {
      if (!weight) return count;
      const spread = tf.mul(weight, tf.onesLike(elements));
      const counted = reduction === tf.Reduction.MEAN ? spread : tf.cast(tf.notEqual(spread, 0), 'float32');
      return averaging.total(tf.sum(counted), elements.size).sum;
    }
  }
}
