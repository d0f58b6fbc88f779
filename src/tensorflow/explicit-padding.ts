import * as tf from '@tensorflow/tfjs';
import {windowPadding} from './window-padding.js';
import type {Padding, WindowAttributes} from './window-padding.js';

type KernelFunction = tf.KernelConfig['kernelFunc'];
type Inputs = Record<string, tf.Tensor>;
type RoundingMode = 'floor' | 'round' | 'ceil';

interface Attributes extends WindowAttributes {
  filterSize: number | number[];
  filterShape: number[];
  inputShape: number[];
  dimRoundingMode?: RoundingMode;
}

/** Runs the backend's kernel without padding, with other inputs, and with other attributes if need be. */
type Run = (inputs: Inputs, changed?: Partial<Attributes>) => tf.Tensor;

/**
 * Kernels of convolutions and pools and of their gradients with padding given in numbers, which the backend refuses or
 * reads otherwise: the images are padded first, as far as the windows reach, and then nothing needs padding.
 */
export const explicitPadding: Record<string, (original: KernelFunction) => KernelFunction> = {
  Conv2D: padded(convolution),
  DepthwiseConv2dNative: padded(depthwiseConvolution),
  Conv2DBackpropFilter: padded(convolutionFilterGradient),
  DepthwiseConv2dNativeBackpropFilter: padded(convolutionFilterGradient),
  Conv2DBackpropInput: padded(convolutionInputGradient),
  DepthwiseConv2dNativeBackpropInput: padded(convolutionInputGradient),
  MaxPool: padded(maximum),
  MaxPool3D: padded(maximum),
  MaxPoolGrad: padded(maximumGradient),
  MaxPool3DGrad: padded(maximumGradient),
  AvgPool: padded(average),
  AvgPool3D: padded(average),
  AvgPoolGrad: padded(averageGradient),
  AvgPool3DGrad: padded(averageGradient),
};

function padded(compute: (inputs: Inputs, attributes: Attributes, run: Run) => tf.Tensor) {
  return (original: KernelFunction): KernelFunction =>
    args => {
      const attrs = args.attrs as unknown as Attributes;
      if (typeof attrs.pad === 'string') return original(args);
      const unpadded = {...attrs, pad: 'valid', dimRoundingMode: undefined};
      const run: Run = (inputs, changed) =>
        original({...args, inputs, attrs: {...unpadded, ...changed} as unknown as tf.NamedAttrMap}) as tf.Tensor;
      return tf.tidy(() => compute(args.inputs as Inputs, attrs, run));
    };
}

function convolution(inputs: Inputs, attrs: Attributes, run: Run, depthwise = false): tf.Tensor {
  const {x, filter} = inputs as {x: tf.Tensor4D; filter: tf.Tensor4D};
  const {outShape} = tf.backend_util.computeConv2DInfo(
    x.shape,
    filter.shape,
    attrs.strides as number,
    (attrs.dilations ?? 1) as number,
    attrs.pad as number,
    attrs.dimRoundingMode,
    depthwise,
    attrs.dataFormat === 'NCHW' ? 'channelsFirst' : 'channelsLast',
  );
  return run({filter, x: pad(x, windowPadding(x.shape, filter.shape, outShape, attrs))});
}

function depthwiseConvolution(inputs: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  return convolution(inputs, attrs, run, true);
}

// The gradients go by the shape of dy: not all of them are told how the shape was rounded.

function convolutionFilterGradient({x, dy}: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  return run({x: pad(x!, windowPadding(x!.shape, attrs.filterShape, dy!.shape, attrs)), dy: dy!});
}

function convolutionInputGradient({dy, filter}: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  const {inputShape} = attrs;
  const paddings = windowPadding(inputShape, filter!.shape, dy!.shape, attrs);
  return unpad(run({dy: dy!, filter: filter!}, {inputShape: paddedShape(inputShape, paddings)}), inputShape, paddings);
}

function maximum({x}: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  return run({x: pad(x!, poolPadding(x!.shape, pooledShape(x!.shape, attrs), attrs), -Infinity)});
}

function maximumGradient({dy, input, output}: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  const paddings = poolPadding(input!.shape, dy!.shape, attrs);
  const images = pad(input!, paddings, -Infinity);
  return unpad(run({dy: dy!, input: images, output: output!}), input!.shape, paddings);
}

/** The padding does not count in the average, and a window of nothing else gives zero. */
function average({x}: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  const paddings = poolPadding(x!.shape, pooledShape(x!.shape, attrs), attrs);
  return tf.divNoNan(run({x: pad(x!, paddings)}), coverage(x!, attrs, paddings));
}

function averageGradient({dy, input}: Inputs, attrs: Attributes, run: Run): tf.Tensor {
  const paddings = poolPadding(input!.shape, dy!.shape, attrs);
  const shares = tf.divNoNan(dy!, coverage(input!, attrs, paddings));
  return unpad(run({dy: shares, input: pad(input!, paddings)}), input!.shape, paddings);
}

/** The part of each window that lies on the image, from 0 to 1. */
function coverage(images: tf.Tensor, {filterSize, strides}: Attributes, paddings: Padding[]): tf.Tensor {
  const pool = (images.rank === 5 ? tf.avgPool3d : tf.avgPool) as (...args: unknown[]) => tf.Tensor;
  return pool(pad(tf.onesLike(images), paddings), filterSize, strides, 'valid');
}

function pooledShape(shape: number[], {filterSize, strides, pad, dimRoundingMode}: Attributes): number[] {
  const {computePool2DInfo, computePool3DInfo} = tf.backend_util;
  const describe = (shape.length === 5 ? computePool3DInfo : computePool2DInfo) as (...args: unknown[]) => {
    outShape: number[];
  };
  return describe(shape, filterSize, strides, 1, pad, dimRoundingMode).outShape;
}

function poolPadding(inputShape: number[], outputShape: number[], attrs: Attributes): Padding[] {
  return windowPadding(inputShape, attrs.filterSize, outputShape, attrs);
}

function pad(images: tf.Tensor, paddings: Padding[], value = 0): tf.Tensor {
  const zerosAround = paddings.map(([before, after]): Padding => [before, Math.max(0, after)]);
  const first = paddings.map(() => 0);
  return tf.slice(tf.pad(images, zerosAround, value), first, paddedShape(images.shape, paddings));
}

/** Takes from the gradient of padded images that of the images themselves, whose shape this is. */
function unpad(gradient: tf.Tensor, shape: number[], paddings: Padding[]): tf.Tensor {
  const zerosForCut = paddings.map(([, after]): Padding => [0, Math.max(0, -after)]);
  const first = paddings.map(([before]) => before);
  return tf.slice(tf.pad(gradient, zerosForCut), first, shape);
}

function paddedShape(shape: number[], paddings: Padding[]): number[] {
  return shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
}
