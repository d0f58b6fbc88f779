import * as tf from '@tensorflow/tfjs';

/**
 * Where the sums behind an average come from.
 *
 * An average is a sum over a count. In one process with one batch both are those of the tensor at hand; with several
 * micro-batches or processes they are the totals over all of them, and a relativistic average (and the mean of its
 * loss) stays exact only if it uses these.
 */
export interface Averaging {
  /**
   * Given this part's sum and how many values it is the sum of, the sum and the count over every part.
   * The returned sum has the shape of the given one.
   */
  total(sum: tf.Tensor, count: number): {sum: tf.Tensor; count: number};
}

/** The averaging of a single batch in a single process: the totals are the tensor's own. */
export const localAveraging: Averaging = {total: (sum, count) => ({sum, count})};

/** The mean of `values` over `axes`, which are kept with size 1; no axes leave the values as they are. */
export function averageOver(values: tf.Tensor, axes: number[], averaging: Averaging): tf.Tensor {
  if (axes.length === 0) return values;
  if (averaging === localAveraging) return tf.mean(values, axes, true);
  const count = axes.reduce((product, axis) => product * (values.shape[axis] ?? 1), 1);
  const total = averaging.total(tf.sum(values, axes, true), count);
  return tf.mul(total.sum, 1 / total.count);
}
