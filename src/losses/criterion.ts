import * as tf from '@tensorflow/tfjs';

/**
 * How a margin is penalised. Each criterion is a function of `x`, which training pushes down:
 *
 * | name | penalty(x) |
 * |---|---|
 * | `'crossEntropy'` | softplus(x) = ln(1 + e^x), which is -ln(sigmoid(-x)) without its overflow |
 * | `'leastSquares'` | (x + 1)^2 |
 * | `'hinge'` | relu(1 + x) |
 * | `'wasserstein'` | x, without a bound: a critic that it trains needs a gradient penalty |
 */
export type Criterion = 'crossEntropy' | 'leastSquares' | 'hinge' | 'wasserstein';

/** A criterion's element-wise penalty and its derivative. */
export interface CriterionPenalty {
  /** The penalty of each element of `x`. */
  value(x: tf.Tensor): tf.Tensor;
  /** Its derivative at each element, which can be differentiated again. */
  derivative(x: tf.Tensor): tf.Tensor;
}

/**
 * The penalty of each criterion, for the losses that subclass `GanLoss`: all are finite for `x` up to 1e4.
 *
 * @example
 * const {value, derivative} = criterionPenalties.hinge;
 * value(tf.sub(fakeLogits, realLogits)).print(); // relu(1 + f - r)
 */
export const criterionPenalties: Readonly<Record<Criterion, CriterionPenalty>> = {
  crossEntropy: {value: tf.softplus, derivative: differentiableSigmoid},
  leastSquares: {value: x => tf.square(tf.add(x, 1)), derivative: x => tf.mul(tf.add(x, 1), 2)},
  hinge: {value: x => tf.relu(tf.add(x, 1)), derivative: x => tf.step(tf.add(x, 1))},
  wasserstein: {value: x => tf.clone(x), derivative: tf.onesLike},
};

/**
 * sigmoid(x) whose gradient can be differentiated. TensorFlow.js takes it from the saved output, which the second
 * differentiation cannot trace back to x (tfjs#3252); here it is computed from x.
 */
function differentiableSigmoid(x: tf.Tensor): tf.Tensor {
  const sigmoid = (input: tf.Tensor, save: tf.GradSaveFunc) => {
    save([input]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const y = differentiableSigmoid(saved!);
      return tf.mul(dy, tf.mul(y, tf.sub(1, y)));
    };
    return {value: tf.sigmoid(input), gradFunc};
  };
  return tf.customGrad(sigmoid as Parameters<typeof tf.customGrad>[0])(x);
}
