import * as tf from '@tensorflow/tfjs';
import {registered} from '../one-per-process.js';
import {channelsFirst} from './channels-first.js';
import {dilatedDepthwise} from './dilated-depthwise.js';
import {explicitPadding} from './explicit-padding.js';
import {fusedConvolution} from './fused-convolution.js';
import {runOp} from './native.js';
import {hasOneDnn} from './one-dnn.js';

type KernelFunction = tf.KernelConfig['kernelFunc'];

/**
 * Lets the TensorFlow backend of `@tensorflow/tfjs-node` use TensorFlow's own ops where it makes do with several, and
 * fills in numeric padding and what TensorFlow lacks without oneDNN. Call it once the backend is active; calling it again
 * does nothing.
 */
export function registerTensorFlowKernels(): void {
  if (registered.has('tensorflow')) return;
  tf.registerKernel({kernelName: 'LeakyReluGrad', backendName: 'tensorflow', kernelFunc: leakyReluGrad});
  tf.registerKernel({kernelName: 'L2Loss', backendName: 'tensorflow', kernelFunc: halfSquares});
  replace('FusedConv2D', () => fusedConvolution('Conv2D'));
  replace('FusedDepthwiseConv2D', () => fusedConvolution('DepthwiseConv2dNative'));
  replace('Sum', sum);
  replace('Conv2DBackpropFilter', pointwiseFilterGradient);
  const oneDnn = hasOneDnn();
  if (!oneDnn) replace('DepthwiseConv2dNative', dilatedDepthwise);
  // A call goes the other way: its padding is filled in first, then its layout changed, and then comes what is above.
  for (const [kernelName, make] of Object.entries(channelsFirst(oneDnn))) replace(kernelName, make);
  for (const [kernelName, make] of Object.entries(explicitPadding)) replace(kernelName, make);
  registered.add('tensorflow');
}

function replace(kernelName: string, make: (original: KernelFunction) => KernelFunction): void {
  const config = tf.getKernel(kernelName, 'tensorflow');
  tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({...config, kernelFunc: make(config.kernelFunc)});
}

/** dy where x, or the leaky ReLU of x, is positive; alpha * dy elsewhere. */
const leakyReluGrad: KernelFunction = ({inputs, attrs, backend}) =>
  runOp(backend as tf.KernelBackend, 'LeakyReluGrad', [inputs.dy!, inputs.x!], {
    alpha: {float: attrs!.alpha as number},
  });

/** Half the sum of squares: see `halfSquares`. */
const halfSquares: KernelFunction = ({inputs, backend}) => runOp(backend as tf.KernelBackend, 'L2Loss', [inputs.t!]);

/** A sum over all axes but the last, which is what a bias's gradient is, by the op made for it. */
function sum(original: KernelFunction): KernelFunction {
  return args => {
    const {inputs, attrs, backend} = args;
    const x = inputs.x!;
    const rank = x.shape.length;
    const axes = tf.util.parseAxisParam(attrs!.axis as number | number[], x.shape);
    const allButLast = axes.length === rank - 1 && !axes.includes(rank - 1);
    if (x.dtype !== 'float32' || rank < 2 || !allButLast || attrs!.keepDims) return original(args);
    return runOp(backend as tf.KernelBackend, 'BiasAddGrad', [x], {data_format: {string: 'NHWC'}});
  };
}

/**
 * The gradient of a filter of 1x1 in steps, of the pixels alone that it steps on: in TensorFlow 2.21, oneDNN writes beyond its
 * memory where others lie between them.
 */
function pointwiseFilterGradient(original: KernelFunction): KernelFunction {
  return args => {
    const {strides, filterShape} = args.attrs as unknown as {strides: number | [number, number]; filterShape: number[]};
    const steps = [strides].flat();
    if (filterShape[0] !== 1 || filterShape[1] !== 1 || steps.every(step => step === 1)) return original(args);
    const x = args.inputs.x as tf.Tensor4D;
    const pixels = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, steps[0]!, steps.at(-1)!, 1]);
    const result = original({...args, inputs: {...args.inputs, x: pixels}, attrs: {...args.attrs, strides: 1}});
    pixels.dispose();
    return result;
  };
}
