import * as tf from '@tensorflow/tfjs';

/**
 * What `compute` gives, as a constant: its ops are on no gradient tape. `stopGradient` does the same for a tensor that is
 * there already.
 */
export function untaped(compute: () => tf.Tensor): tf.Tensor {
  // The engine records nothing while it computes the value of a function with a gradient of its own.
  return tf.customGrad(() => ({value: compute(), gradFunc: () => []}))();
}
