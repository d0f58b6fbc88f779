import * as tf from '@tensorflow/tfjs';

/**
 * Half the sum of a tensor's squares: by one op where the active backend has a kernel for it (`L2Loss`, on TensorFlow
 * and wasm). It is finite where all values are, unless their squares, or the sum of these, are beyond float32: values below 1e19
 * or so.
 */
export function halfSquares(x: tf.Tensor): tf.Scalar {
  if (tf.getKernel('L2Loss', tf.getBackend()) as unknown) return tf.engine().runKernel('L2Loss', {t: x});
  return tf.tidy(() => tf.mul<tf.Scalar>(tf.sum(tf.square(x)), 0.5));
}
