import * as tf from '@tensorflow/tfjs';

interface Attributes {
  alignCorners?: boolean;
  halfPixelCenters?: boolean;
}

/**
 * The gradient of nearest-neighbour resizing. TensorFlow.js's kernel for it, which `original` runs, takes no account of
 * half-pixel centres, and on the cpu backend reads the wrong image for all after the first; there it is two products with
 * matrices of zeros and ones.
 */
export function nearestNeighborGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const {halfPixelCenters} = attrs as Attributes;
      const backend = tf.getBackend();
      if (backend === 'wasm' || !(halfPixelCenters || backend === 'cpu')) return original.gradFunc(dy, saved, attrs);
      return {images: () => addToSources(dy as tf.Tensor4D, saved[0] as tf.Tensor4D, attrs)};
    },
  };
}

/** Adds the gradient of each output pixel to the input pixel it was copied from. */
function addToSources(dy: tf.Tensor4D, images: tf.Tensor4D, attributes: Attributes): tf.Tensor {
  const [batch, height, width, channels] = images.shape;
  const [, outHeight, outWidth] = dy.shape;
  const copies = (size: number, outSize: number) =>
    tf
      .oneHot(tf.tensor1d(sourceIndices(size, outSize, attributes), 'int32'), size)
      .toFloat()
      .transpose()
      .expandDims();
  const rows = tf.matMul(copies(height, outHeight), dy.reshape([batch, outHeight, outWidth * channels]));
  return tf
    .matMul(copies(width, outWidth), rows.reshape([batch * height, outWidth, channels]))
    .reshape([batch, height, width, channels]);
}

/** Which input row (or column) each output one copies, by the rule of `tf.image.resizeNearestNeighbor`. */
export function sourceIndices(
  size: number,
  outSize: number,
  {alignCorners, halfPixelCenters}: Attributes,
): Int32Array<ArrayBuffer> {
  const scale = alignCorners && outSize > 1 ? (size - 1) / (outSize - 1) : size / outSize;
  return Int32Array.from({length: outSize}, (_, i) => {
    const position = Math.fround(scale) * (halfPixelCenters ? i + 0.5 : i);
    return Math.max(0, Math.min(size - 1, alignCorners ? Math.round(position) : Math.floor(position)));
  });
}
