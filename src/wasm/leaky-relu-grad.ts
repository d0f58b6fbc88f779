import * as tf from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/** Leaky ReLU as a product with 1 or alpha: both kernels are vector code, where the backend's own branches on each float. */
export function leakyRelu(original: Kernel): Kernel {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    return x.dtype === 'float32' ? timesSlope(x, x, attrs.alpha, backend) : original(inputs, attrs, backend);
  };
}

/** dy where x is positive, alpha * dy elsewhere. */
export const leakyReluGrad: Kernel = (inputs, attrs, backend) =>
  timesSlope(inputs.dy!, inputs.x!, attrs.alpha, backend);

function timesSlope(factor: tf.TensorInfo, x: tf.TensorInfo, alpha: unknown, backend: WasmBackend): tf.TensorInfo {
  const slope = runKernel(backend, 'Step', {x}, {alpha});
  const product = runKernel(backend, 'Multiply', {a: factor, b: slope});
  disposeAll(backend, slope);
  return product;
}

/**
 * Replaces the gradient of leaky ReLU, three kernels and two temporary tensors, by the one above wherever the active
 * backend has it. It is linear in dy, so it differentiates again, which the replaced one does not.
 */
export function registerLeakyReluGradient(): void {
  const original = tf.getGradient('LeakyRelu');
  const gradient = (dy: tf.Tensor, x: tf.Tensor, alpha: number) =>
    tf.engine().runKernel<tf.Tensor>('LeakyReluGrad', {dy, x}, {alpha});
  tf.unregisterGradient('LeakyRelu');
  tf.registerGradient({
    ...original,
    gradFunc: (dy, saved, attrs) => {
      if (!tf.getKernel('LeakyReluGrad', tf.getBackend())) return original.gradFunc(dy, saved, attrs);
      return {x: () => gradient(dy as tf.Tensor, saved[0]!, attrs.alpha as number)};
    },
  });
  tf.registerGradient({
    kernelName: 'LeakyReluGrad',
    inputsToSave: ['dy', 'x'],
    gradFunc: (ddx, [, x], attrs) => ({
      dy: () => gradient(ddx as tf.Tensor, x!, attrs.alpha as number),
      x: () => tf.zerosLike(x!),
    }),
  });
}
