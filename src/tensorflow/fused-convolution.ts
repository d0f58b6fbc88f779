import * as tf from '@tensorflow/tfjs';
import type {NativeBackend} from './native.js';
import {runOp} from './native.js';

type KernelFunction = tf.KernelConfig['kernelFunc'];

interface Attributes {
  dataFormat?: 'NHWC' | 'NCHW';
  activation?: string;
  leakyreluAlpha?: number;
}

/**
 * A convolution with a bias and an activation: by the kernel of the convolution alone, which knows all paddings, dilations and
 * layouts, and then the other two. The backend's own adds the bias by a broadcasting sum; a bias of the channels is added by
 * the op that TensorFlow can fuse with the convolution, and faster.
 */
export function fusedConvolution(convolution: 'Conv2D' | 'DepthwiseConv2dNative'): KernelFunction {
  return ({inputs, attrs, backend}) =>
    tf.tidy(() => {
      const {x, filter, bias, preluActivationWeights} = inputs as Record<string, tf.Tensor>;
      const {dataFormat = 'NHWC', activation, leakyreluAlpha} = attrs as unknown as Attributes;
      const {kernelFunc} = tf.getKernel(convolution, 'tensorflow');
      let result = kernelFunc({inputs: {x: x!, filter: filter!}, attrs: attrs!, backend}) as tf.Tensor;
      const channels = result.shape.at(dataFormat === 'NCHW' ? 1 : -1);
      if (bias?.rank === 1 && bias.size === channels) {
        result = runOp(backend as tf.KernelBackend, 'BiasAdd', [result, bias], {data_format: {string: dataFormat}});
      } else if (bias) {
        result = tf.add(result, bias);
      }
      const slopes =
        preluActivationWeights?.rank === 1 && dataFormat === 'NCHW'
          ? preluActivationWeights.reshape([-1, 1, 1])
          : preluActivationWeights;
      return (backend as NativeBackend).applyActivation(result, activation, slopes, leakyreluAlpha);
    });
}
