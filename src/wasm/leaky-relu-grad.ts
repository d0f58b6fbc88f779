import * as tf from '@tensorflow/tfjs';
import type {Kernel} from './kernel.js';

/** dy where x is positive, alpha * dy elsewhere. */
export const leakyReluGrad: Kernel = (inputs, attrs, backend) => {
  const x = inputs.x!;
  const dy = inputs.dy!;
  const alpha = attrs.alpha as number;
  const out = backend.makeOutput(x.shape, 'float32');
  const values = backend.typedArrayFromHeap(x);
  const upstream = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  for (let i = 0; i < target.length; i++) {
    const up = upstream[i]!;
    target[i] = values[i]! > 0 ? up : alpha * up;
  }
  return out;
};

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
