import * as tf from '@tensorflow/tfjs';
import {bicubicWeights} from './resize-weights.js';
import {requireImages} from './validation.js';

/**
 * Shrinks images by a whole factor exactly as MATLAB's `imresize` and BasicSR do: bicubic with antialiasing, mirrored at
 * the border. This is how the low-resolution side of every super-resolution benchmark is made.
 *
 * @param images `[height, width, channels]` or `[batch, height, width, channels]`, float32.
 * @param factor how many times smaller, a whole number of at least 1. Sizes are rounded up.
 * @returns images of the same rank, not clipped: overshoots leave [0, 1] by a little.
 * @throws if `images` has another rank or dtype or no pixels, or `factor` is not a whole number.
 * @example
 * const small = bicubicDownscale(tf.zeros([64, 64, 3]), 4); // [16, 16, 3]
 *
 * Keys, "Cubic convolution interpolation for digital image processing", 1981, https://doi.org/10.1109/TASSP.1981.1163711
 */
export function bicubicDownscale<T extends tf.Tensor>(images: T, factor: number): T {
  return resize('bicubicDownscale', images, factor, 1 / factor);
}

/**
 * Enlarges images by a whole factor exactly as MATLAB's `imresize` and BasicSR do: what super-resolution is compared
 * with.
 *
 * @param images `[height, width, channels]` or `[batch, height, width, channels]`, float32.
 * @param factor how many times larger, a whole number of at least 1.
 * @returns images of the same rank, not clipped: overshoots leave [0, 1] by a little.
 * @throws as `bicubicDownscale`.
 * @example
 * const large = bicubicUpscale(tf.zeros([16, 16, 3]), 4); // [64, 64, 3]
 */
export function bicubicUpscale<T extends tf.Tensor>(images: T, factor: number): T {
  return resize('bicubicUpscale', images, factor, factor);
}

function resize<T extends tf.Tensor>(owner: string, images: T, factor: number, scale: number): T {
  requireImages(owner, 'images', images);
  if (!Number.isInteger(factor) || factor < 1) {
    throw new Error(`${owner}: factor must be a whole number of at least 1, but it is ${factor}.`);
  }
  return tf.tidy(() => {
    const axis = images.rank - 3;
    return resizeAxis(resizeAxis(images, axis, scale), axis + 1, scale) as T;
  });
}

/** Resizes one axis as a matrix product, which every backend does fast and can differentiate. */
function resizeAxis(images: tf.Tensor, axis: number, scale: number): tf.Tensor {
  const size = images.shape[axis]!;
  const {outSize, taps, indices, weights} = bicubicWeights(size, scale);
  const matrix = new Float32Array(outSize * size);
  for (let i = 0; i < weights.length; i++) matrix[Math.floor(i / taps) * size + indices[i]!]! += weights[i]!;
  const toFront = [axis, ...images.shape.map((_, i) => i).filter(i => i !== axis)];
  const back = images.shape.map((_, i) => toFront.indexOf(i));
  const columns = tf.reshape(tf.transpose(images, toFront), [size, -1]);
  const resized = tf.matMul(tf.tensor2d(matrix, [outSize, size]), columns);
  const shape = toFront.map(i => (i === axis ? outSize : images.shape[i]!));
  return tf.transpose(tf.reshape(resized, shape), back);
}
