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
