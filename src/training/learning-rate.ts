import type * as tf from '@tensorflow/tfjs';

/**
 * Changes an optimizer's learning rate from the next update on; what it has accumulated stays. Of tfjs's optimizers only
 * SGD and momentum have a method for it, and keep a tensor of it; the others read a property at every update.
 *
 * @throws if the rate is not a finite number of at least 0.
 * @example
 * const optimizer = tf.train.adam(1e-4);
 * setLearningRate(optimizer, 5e-5);
 */
export function setLearningRate(optimizer: tf.Optimizer, learningRate: number): void {
  if (!(Number.isFinite(learningRate) && learningRate >= 0)) {
    throw new Error(`setLearningRate: the learning rate must be a number of at least 0, but it is ${learningRate}.`);
  }
  const adjustable = optimizer as unknown as {learningRate: number; setLearningRate?: (learningRate: number) => void};
  if (adjustable.setLearningRate) adjustable.setLearningRate(learningRate);
  else adjustable.learningRate = learningRate;
}
