import * as tf from '@tensorflow/tfjs';

/** What the gradient of nearest-neighbour resizing needs to know of the resize. */
export interface NearestNeighborAttributes {
  alignCorners?: boolean;
  halfPixelCenters?: boolean;
}

type Shape = [number, number, number, number];

/**
 * Adds each output pixel's gradient, `upstream` of shape `outShape`, to the input pixel it was copied from, in `target`
 * of shape `shape`. Both are [batch, height, width, channels].
 */
export function addNearestNeighborGradient(
  target: Float32Array,
  [batch, height, width, channels]: Shape,
  upstream: ArrayLike<number>,
  [, outHeight, outWidth]: Shape,
  attributes: NearestNeighborAttributes,
): void {
  const rowOf = sourceIndices(height, outHeight, attributes);
  const columnOf = sourceIndices(width, outWidth, attributes);
  let from = 0;
  for (let image = 0; image < batch; image++) {
    for (let row = 0; row < outHeight; row++) {
      const rowStart = (image * height + rowOf[row]!) * width;
      for (let column = 0; column < outWidth; column++) {
        const to = (rowStart + columnOf[column]!) * channels;
        for (let channel = 0; channel < channels; channel++) target[to + channel]! += upstream[from++]!;
      }
    }
  }
}

/** Which input row (or column) each output one copies, by the rule of `tf.image.resizeNearestNeighbor`. */
function sourceIndices(
  size: number,
  outSize: number,
  {alignCorners, halfPixelCenters}: NearestNeighborAttributes,
): Int32Array {
  const scale = alignCorners && outSize > 1 ? (size - 1) / (outSize - 1) : size / outSize;
  return Int32Array.from({length: outSize}, (_, i) => {
    const position = Math.fround(scale) * (halfPixelCenters ? i + 0.5 : i);
    return Math.max(0, Math.min(size - 1, alignCorners ? Math.round(position) : Math.floor(position)));
  });
}

interface CpuBackend {
  data: {get(dataId: tf.DataId): {values: ArrayLike<number>}};
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: tf.TypedArray): tf.TensorInfo;
}

/** The kernel for the cpu backend, whose own reads the wrong image's gradient for every image after the first. */
export const cpuResizeNearestNeighborGrad: tf.KernelConfig = {
  kernelName: 'ResizeNearestNeighborGrad',
  backendName: 'cpu',
  kernelFunc: ({inputs, backend, attrs}) => {
    const images = inputs.images!;
    const dy = inputs.dy!;
    const cpu = backend as CpuBackend;
    const out = new Float32Array(tf.util.sizeFromShape(images.shape));
    const upstream = cpu.data.get(dy.dataId).values;
    addNearestNeighborGradient(out, images.shape as Shape, upstream, dy.shape as Shape, attrs ?? {});
    return cpu.makeTensorInfo(images.shape, 'float32', out);
  },
};
