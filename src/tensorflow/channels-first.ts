import * as tf from '@tensorflow/tfjs';

type KernelFunction = tf.KernelConfig['kernelFunc'];

/**
 * Kernels of convolutions and their gradients, with channels first, by those with channels last: images are transposed on the
 * way in and, where the result is one of images, on the way out. TensorFlow has no others on a processor without oneDNN, and
 * `@tensorflow/tfjs-node` hands it strides and dilations in the order of channels last.
 *
 * @param native whether TensorFlow has them in steps of 1.
 */
export function channelsFirst(native: boolean): Record<string, (original: KernelFunction) => KernelFunction> {
  const kernel = (original: KernelFunction) => byChannelsLast(original, native);
  return {Conv2D: kernel, Conv2DBackpropInput: kernel, Conv2DBackpropFilter: kernel};
}

interface Attributes {
  dataFormat: 'NHWC' | 'NCHW';
  strides: number | number[];
  dilations?: number | number[];
  inputShape?: number[];
}

function byChannelsLast(original: KernelFunction, native: boolean): KernelFunction {
  return args => {
    const {dataFormat, strides, dilations = 1, inputShape} = args.attrs as unknown as Attributes;
    const steps = [strides, dilations].flat();
    if (dataFormat !== 'NCHW' || (native && steps.every(step => step === 1))) return original(args);
    return tf.tidy(() => {
      const {x, dy, filter} = args.inputs as Record<string, tf.Tensor>;
      const inputs = {...(x && {x: toLast(x)}), ...(dy && {dy: toLast(dy)}), ...(filter && {filter})};
      const attrs = {
        ...args.attrs,
        dataFormat: 'NHWC',
        ...(inputShape && {inputShape: LAST.map(axis => inputShape[axis]!)}),
      } as tf.NamedAttrMap;
      const result = original({...args, inputs, attrs}) as tf.Tensor;
      // The gradient of a filter, which takes none, is laid out as the filter is.
      return filter ? tf.transpose(result, [0, 3, 1, 2]) : result;
    });
  };
}

/** The axes of images with channels first, in the order of channels last. */
const LAST = [0, 2, 3, 1];

function toLast(images: tf.Tensor): tf.Tensor {
  return tf.transpose(images, LAST);
}
