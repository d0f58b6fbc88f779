import type * as tf from '@tensorflow/tfjs';

/**
 * Changes an optimizer's learning rate from the next update on; what it has accumulated stays. Of tfjs's optimizers only
 * SGD has a method for it, but all read the same property at every update.
 */
export function setLearningRate(optimizer: tf.Optimizer, learningRate: number): void {
  (optimizer as unknown as {learningRate: number}).learningRate = learningRate;
}

/**
 * A factor for the learning rate of step `step` of `steps`: from 0 to 1 over the first twentieth, then down to 0.01
 * along a half cosine.
 */
export function rampThenCosine(step: number, steps: number): number {
  const ramp = Math.min(1, (step + 1) / Math.max(1, steps / 20));
  return ramp * (0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
}
