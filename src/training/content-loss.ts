import * as tf from '@tensorflow/tfjs';

/**
 * The mean absolute difference of two tensors of the same shape, mean |output - target|: the pixel loss of ESRGAN.
 *
 * @throws if the shapes differ.
 * @example
 * const generatorLosses = [{name: 'content', weight: 1, loss: l1Loss}]; // for GAN.compile
 */
export function l1Loss(target: tf.Tensor, output: tf.Tensor): tf.Scalar {
  if (!tf.util.arraysEqual(target.shape, output.shape)) {
    throw new Error(
      `l1Loss: target and output must have the same shape, but they are [${target.shape.join(', ')}] and [${output.shape.join(', ')}].`,
    );
  }
  return tf.tidy(() => tf.mean<tf.Scalar>(tf.abs(tf.sub(output, target))));
}
