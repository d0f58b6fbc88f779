import * as tf from '@tensorflow/tfjs';

/** An axis of the image, and the windows along it. */
interface Axis {
  size: number;
  windows: number;
  filter: number;
  stride: number;
  padding: number;
}

/**
 * The gradient of average pooling. The operation averages over the part of a window that lies on the image; the kernels
 * for its gradient, which `original` runs, divide by the whole window, on all backends but TensorFlow.
 */
export function averagePoolGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const scaled = wholeToPart(saved[0]!, attrs).reduce((gradient, ratios) => gradient.mul(ratios), dy as tf.Tensor);
      return original.gradFunc(scaled, saved, attrs);
    },
  };
}

/** The gradient of the kernel that is the gradient of average pooling: linear in dy, it leads back to the pooling. */
const ofAveragePoolGradient = (kernelName: string, ownAttributes: tf.NamedAttrMap): tf.GradConfig => ({
  kernelName: `${kernelName}Grad`,
  inputsToSave: ['input'],
  gradFunc: (ddx, [input], attrs) => ({
    dy: () => {
      const averages = tf
        .engine()
        .runKernel<tf.Tensor>(kernelName, {x: ddx as tf.Tensor}, {...attrs, ...ownAttributes});
      return wholeToPart(input!, attrs).reduce((gradient, ratios) => gradient.div(ratios), averages);
    },
    input: () => tf.zerosLike(input!),
  }),
});

export const gradientsOfAveragePoolGradients = [
  ofAveragePoolGradient('AvgPool', {}),
  ofAveragePoolGradient('AvgPool3D', {dataFormat: 'NDHWC'}),
];

/** Along each axis where they differ, the length of each window over that of its part on the image, to multiply with. */
function wholeToPart(x: tf.Tensor, attrs: tf.NamedAttrMap): tf.Tensor[] {
  if (tf.getBackend() === 'tensorflow') return [];
  const axes = axesOf(x, attrs);
  return axes.flatMap(({size, windows, filter, stride, padding}, i) => {
    const ratios = Array.from({length: windows}, (_, window) => {
      const start = window * stride - padding;
      return filter / (Math.min(size, start + filter) - Math.max(0, start));
    });
    const along = [1, ...axes.map((_, other) => (other === i ? windows : 1)), 1];
    return ratios.every(ratio => ratio === 1) ? [] : [tf.tensor(ratios, along)];
  });
}

function axesOf(x: tf.Tensor, attrs: tf.NamedAttrMap): Axis[] {
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as {
    filterSize: number;
    strides: number;
    pad: number;
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
  };
  const windowsOf = (info: tf.backend_util.Conv2DInfo): Axis[] => [
    {
      size: info.inHeight,
      windows: info.outHeight,
      filter: info.filterHeight,
      stride: info.strideHeight,
      padding: info.padInfo.top,
    },
    {
      size: info.inWidth,
      windows: info.outWidth,
      filter: info.filterWidth,
      stride: info.strideWidth,
      padding: info.padInfo.left,
    },
  ];
  if (x.rank === 4) {
    const {shape} = x as tf.Tensor4D;
    return windowsOf(tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode));
  }
  const {shape} = x as tf.Tensor5D;
  const info = tf.backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  const depth = {
    size: info.inDepth,
    windows: info.outDepth,
    filter: info.filterDepth,
    stride: info.strideDepth,
    padding: info.padInfo.front,
  };
  return [depth, ...windowsOf(info as unknown as tf.backend_util.Conv2DInfo)];
}
