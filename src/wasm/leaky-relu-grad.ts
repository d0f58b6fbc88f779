import type * as tf from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/** Leaky ReLU as a product with 1 or alpha: both kernels are vector code, where the backend's own branches on each float. */
export function leakyRelu(original: Kernel): Kernel {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    return x.dtype === 'float32' ? timesSlope(x, x, attrs.alpha, backend) : original(inputs, attrs, backend);
  };
}

/** dy where x is positive, alpha * dy elsewhere: see `leakyReluGradient`. */
export const leakyReluGrad: Kernel = (inputs, attrs, backend) =>
  timesSlope(inputs.dy!, inputs.x!, attrs.alpha, backend);

function timesSlope(factor: tf.TensorInfo, x: tf.TensorInfo, alpha: unknown, backend: WasmBackend): tf.TensorInfo {
  const slope = runKernel(backend, 'Step', {x}, {alpha});
  const product = runKernel(backend, 'Multiply', {a: factor, b: slope});
  disposeAll(backend, slope);
  return product;
}
