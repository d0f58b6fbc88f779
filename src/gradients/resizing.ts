import * as tf from '@tensorflow/tfjs';

export interface ResizeAttributes {
  alignCorners?: boolean;
  halfPixelCenters?: boolean;
}

/**
 * Gives each input pixel its share of the gradients of the output pixels that it went into. `weights` are these shares
 * along one axis, as a matrix of `size` rows and `outSize` columns.
 */
export function spreadBack(
  dy: tf.Tensor4D,
  images: tf.Tensor4D,
  weights: (size: number, outSize: number) => Float32Array,
): tf.Tensor {
  const [batch, height, width, channels] = images.shape;
  const [, outHeight, outWidth] = dy.shape;
  const matrix = (size: number, outSize: number) => tf.tensor3d(weights(size, outSize), [1, size, outSize]);
  const rows = tf.matMul(matrix(height, outHeight), dy.reshape([batch, outHeight, outWidth * channels]));
  return tf
    .matMul(matrix(width, outWidth), rows.reshape([batch * height, outWidth, channels]))
    .reshape([batch, height, width, channels]);
}

/** The gradient of the kernel that is the gradient of a resizing: linear in dy, it leads back to the resizing. */
export const ofResizingGradient = (kernelName: string): tf.GradConfig => ({
  kernelName: `${kernelName}Grad`,
  inputsToSave: ['images'],
  gradFunc: (ddx, [images], attrs) => ({
    dy: () => tf.engine().runKernel<tf.Tensor>(kernelName, {images: ddx as tf.Tensor}, attrs),
    images: () => tf.zerosLike(images!),
  }),
});
