import * as tf from '@tensorflow/tfjs';
import type {ResizeAttributes} from './resizing.js';
import {ofResizingGradient, spreadBack} from './resizing.js';

/**
 * The gradient of bilinear resizing. TensorFlow.js's kernels for it, which `original` runs, take no account of half-pixel
 * centres, and the one of the cpu backend takes width for height; there it is two products with matrices.
 */
export function bilinearGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const attributes = attrs as unknown as ResizeAttributes;
      if (!attributes.halfPixelCenters && tf.getBackend() !== 'cpu') return original.gradFunc(dy, saved, attrs);
      const weights = (size: number, outSize: number) => shares(size, outSize, attributes);
      return {images: () => spreadBack(dy as tf.Tensor4D, saved[0] as tf.Tensor4D, weights)};
    },
  };
}

export const gradientOfBilinearGradient = ofResizingGradient('ResizeBilinear');

/** The share of each input row (or column) in each output one, by the rule of `tf.image.resizeBilinear`. */
function shares(size: number, outSize: number, {alignCorners, halfPixelCenters}: ResizeAttributes): Float32Array {
  const scale = alignCorners && outSize > 1 ? (size - 1) / (outSize - 1) : size / outSize;
  const matrix = new Float32Array(size * outSize);
  for (let i = 0; i < outSize; i++) {
    const position = halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i;
    const inside = Math.max(0, Math.min(size - 1, position));
    const below = Math.floor(inside);
    matrix[below * outSize + i]! += 1 - (inside - below);
    matrix[Math.ceil(inside) * outSize + i]! += inside - below;
  }
  return matrix;
}
