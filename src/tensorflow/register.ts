import * as tf from '@tensorflow/tfjs';
import {registered} from '../one-per-process.js';
import {explicitPadding} from './explicit-padding.js';
import {runOp} from './native.js';

type KernelFunction = tf.KernelConfig['kernelFunc'];

/**
 * Lets the TensorFlow backend of `@tensorflow/tfjs-node` use TensorFlow's own ops where it makes do with several, and
 * fills in numeric padding. Call it once the backend is imported; calling it again does nothing.
 */
export function registerTensorFlowKernels(): void {
  if (registered.has('tensorflow')) return;
  tf.registerKernel({kernelName: 'LeakyReluGrad', backendName: 'tensorflow', kernelFunc: leakyReluGrad});
  replace('FusedConv2D', fusedConv2d);
  replace('Sum', sum);
  replace('Conv2DBackpropFilter', pointwiseFilterGradient);
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

/** Adds the bias by the op that TensorFlow can fuse with the convolution, and faster than by a broadcasting sum. */
function fusedConv2d(original: KernelFunction): KernelFunction {
  return args => {
    const {inputs, attrs, backend} = args;
    const {x, filter, bias} = inputs;
    const linear = ((attrs!.activation as string | undefined) ?? 'linear') === 'linear';
    if (!bias || !linear || bias.shape.length !== 1 || attrs!.dataFormat !== 'NHWC') return original(args);
    const convolved = tf.getKernel('Conv2D', 'tensorflow').kernelFunc({
      inputs: {x: x!, filter: filter!},
      attrs: attrs!,
      backend,
    }) as tf.Tensor;
    const result = runOp(backend as tf.KernelBackend, 'BiasAdd', [convolved, bias], {data_format: {string: 'NHWC'}});
    convolved.dispose();
    return result;
  };
}

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
    const channelsLast = args.attrs!.dataFormat !== 'NCHW';
    if (filterShape[0] !== 1 || filterShape[1] !== 1 || steps.every(step => step === 1)) return original(args);
    const [vertical, horizontal] = [steps[0]!, steps.at(-1)!];
    const x = args.inputs.x as tf.Tensor4D;
    const every = channelsLast ? [1, vertical, horizontal, 1] : [1, 1, vertical, horizontal];
    const pixels = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, every);
    const result = original({...args, inputs: {...args.inputs, x: pixels}, attrs: {...args.attrs, strides: 1}});
    pixels.dispose();
    return result;
  };
}
