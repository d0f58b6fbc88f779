import * as tf from '@tensorflow/tfjs';

/** The kernels of a convolution and of its gradients, and the attributes that it has and they lack. */
interface Convolution {
  forward: string;
  toInput: string;
  toFilter: string;
  attributes: tf.NamedAttrMap;
}

const CONVOLUTIONS: Convolution[] = [
  {
    forward: 'Conv2D',
    toInput: 'Conv2DBackpropInput',
    toFilter: 'Conv2DBackpropFilter',
    attributes: {dilations: [1, 1]},
  },
  {
    forward: 'DepthwiseConv2dNative',
    toInput: 'DepthwiseConv2dNativeBackpropInput',
    toFilter: 'DepthwiseConv2dNativeBackpropFilter',
    attributes: {dataFormat: 'NHWC'},
  },
  {
    forward: 'Conv3D',
    toInput: 'Conv3DBackpropInputV2',
    toFilter: 'Conv3DBackpropFilterV2',
    attributes: {dilations: [1, 1, 1], dataFormat: 'NDHWC'},
  },
];

const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) =>
  tf.engine().runKernel<tf.Tensor>(kernel, inputs, attrs);

/**
 * The gradients of the gradients of convolutions: <dy, conv(x, filter)> is linear in each of the three, and the gradient
 * with respect to one of them is the convolution, or one of its two gradients, of the other two.
 */
export const gradientsOfConvolutionGradients = CONVOLUTIONS.flatMap(
  ({forward, toInput, toFilter, attributes}): tf.GradConfig[] => [
    {
      kernelName: toInput,
      inputsToSave: ['dy', 'filter'],
      gradFunc: (ddx, [dy, filter], attrs) => {
        const x = ddx as tf.Tensor;
        return {
          dy: () => run(forward, {x, filter: filter!}, {...attrs, ...attributes}),
          filter: () => run(toFilter, {x, dy: dy!}, {...attrs, filterShape: filter!.shape}),
        };
      },
    },
    {
      kernelName: toFilter,
      inputsToSave: ['x', 'dy'],
      gradFunc: (ddfilter, [x, dy], attrs) => {
        const filter = ddfilter as tf.Tensor;
        return {
          x: () => run(toInput, {dy: dy!, filter}, {...attrs, inputShape: x!.shape}),
          dy: () => run(forward, {x: x!, filter}, {...attrs, ...attributes}),
        };
      },
    },
  ],
);
