import * as tf from '@tensorflow/tfjs';

/** `x` as a constant: its gradient is zero, and so is every derivative of that. */
export function stopGradient(x: tf.Tensor): tf.Tensor {
  return tf.customGrad(input => ({value: tf.clone(input as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy)}))(
    x,
  );
}
