import * as tf from '@tensorflow/tfjs';
import type {ResizeAttributes} from './resizing.js';
import {ofResizingGradient, spreadBack} from './resizing.js';

/**
 * The gradient of nearest-neighbour resizing. TensorFlow.js's kernel for it, which `original` runs, takes no account of
 * half-pixel centres, and on the cpu backend reads the wrong image for all after the first; there it is two products with
 * matrices of zeros and ones.
 */
export function nearestNeighborGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const attributes = attrs as unknown as ResizeAttributes;
      const backend = tf.getBackend();
      if (backend === 'wasm' || !(attributes.halfPixelCenters || backend === 'cpu')) {
        return original.gradFunc(dy, saved, attrs);
      }
      const weights = (size: number, outSize: number) => {
        const matrix = new Float32Array(size * outSize);
        sourceIndices(size, outSize, attributes).forEach((source, i) => (matrix[source * outSize + i] = 1));
        return matrix;
      };
      return {images: () => spreadBack(dy as tf.Tensor4D, saved[0] as tf.Tensor4D, weights)};
    },
  };
}

export const gradientOfNearestNeighborGradient = ofResizingGradient('ResizeNearestNeighbor');

/** Which input row (or column) each output one copies, by the rule of `tf.image.resizeNearestNeighbor`. */
export function sourceIndices(
  size: number,
  outSize: number,
  {alignCorners, halfPixelCenters}: ResizeAttributes,
): Int32Array<ArrayBuffer> {
  const scale = alignCorners && outSize > 1 ? (size - 1) / (outSize - 1) : size / outSize;
  return Int32Array.from({length: outSize}, (_, i) => {
    const position = Math.fround(scale) * (halfPixelCenters ? i + 0.5 : i);
    return Math.max(0, Math.min(size - 1, alignCorners ? Math.round(position) : Math.floor(position)));
  });
}
