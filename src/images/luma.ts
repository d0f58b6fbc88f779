import * as tf from '@tensorflow/tfjs';

/** ITU-R BT.601 in studio range (16 to 235), as MATLAB's `rgb2ycbcr`: over 255. */
const COEFFICIENTS = [65.481 / 255, 128.553 / 255, 24.966 / 255];
const OFFSET = 16 / 255;

/**
 * The Y channel on which super-resolution papers measure, `[..., 1]`, from RGB in [0, 1], `[..., 3]`. Its range is
 * 16/255 to 235/255.
 */
export function luma(images: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.add(tf.sum(tf.mul(images, COEFFICIENTS), -1, true), OFFSET));
}
