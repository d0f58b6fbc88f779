import * as tf from '@tensorflow/tfjs';

/**
 * Where the sums behind an average come from.
 *
 * An average is a sum over a count. In one process with one batch both are those of the tensor at hand; with several
 * micro-batches or processes they are the totals over all of them, and a relativistic average (and the mean of a loss)
 * stays exact only if it uses these. The gradients of the parts, which may differ in size, then sum to those of the
 * whole batch. The statistics of batch normalisation stay each part's own.
 *
 * @example
 * // Two parts that are alike.
 * const averaging = {total: (sum: tf.Tensor, count: number) => ({sum: tf.mul(sum, 2), count: 2 * count})};
 * const gradients = new RelativisticAverageLoss().withGradients(realLogits, fakeLogits, {averaging});
 */
export interface Averaging {
  /**
   * Given this part's sum and how many values it is the sum of, the sum and the count over every part.
   * The returned sum has the shape of the given one. A step calls this equally often and in the same order for every
   * part; what it returns counts as a constant when gradients are taken.
   */
  total(sum: tf.Tensor, count: number): {sum: tf.Tensor; count: number};
}

/** The averaging of a whole batch in a single process: the totals are the tensor's own. */
export const localAveraging: Averaging = {total: (sum, count) => ({sum, count})};

/** The mean of `values` over `axes`, which are kept with size 1; no axes leave the values as they are. */
export function averageOver(values: tf.Tensor, axes: number[], averaging: Averaging): tf.Tensor {
  if (axes.length === 0) return values;
  // Averages that do not run over the samples are each part's own.
  if (averaging === localAveraging || !axes.includes(0)) return tf.mean(values, axes, true);
  const count = axes.reduce((product, axis) => product * (values.shape[axis] ?? 1), 1);
  const total = averaging.total(tf.sum(values, axes, true), count);
  return tf.mul(total.sum, 1 / total.count);
}

/** This part's mean over its samples as the mean over every part's, and how much of that this part's own makes up. */
export function meanOverParts(
  mean: tf.Scalar,
  samples: number,
  averaging: Averaging,
): {mean: tf.Scalar; share: number} {
  if (averaging === localAveraging) return {mean, share: 1};
  const {sum, count} = averaging.total(tf.mul(mean, samples), samples);
  return {mean: tf.div(sum, count), share: samples / count};
}
