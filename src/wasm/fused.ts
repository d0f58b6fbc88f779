import type * as tf from '@tensorflow/tfjs';
import type {Kernel} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/**
 * A fused kernel that leaves what the backend gets wrong or refuses to the kernels it is made of: `plain`, a sum with the
 * bias, the activation. `ownIsRight` says whether the backend's own serves.
 */
export function fused(original: Kernel, plain: string, ownIsRight: (...call: Parameters<Kernel>) => boolean): Kernel {
  return (inputs, attrs, backend) => {
    if (ownIsRight(inputs, attrs, backend)) return original(inputs, attrs, backend);
    const {bias, preluActivationWeights, ...operands} = inputs;
    let y = runKernel(backend, plain, operands, attrs);
    const then = (name: string, of: Record<string, tf.TensorInfo>, own: Record<string, unknown> = {}) => {
      const next = runKernel(backend, name, of, own);
      disposeAll(backend, y);
      y = next;
    };
    if (bias) then('Add', {a: y, b: bias});
    const activation = ACTIVATIONS[attrs.activation as string];
    const alpha = preluActivationWeights ? {alpha: preluActivationWeights} : {};
    if (activation) then(activation, {x: y, ...alpha}, {alpha: attrs.leakyreluAlpha});
    return y;
  };
}

/** Whether a bias and the slopes of a PReLU are one number per channel, which is how the backend reads any shape. */
export function onePerChannel(
  {bias, preluActivationWeights}: Record<string, tf.TensorInfo>,
  channels: number,
): boolean {
  const slopes = preluActivationWeights?.shape ?? [];
  const flat = slopes.every((size, axis) => size === (axis === slopes.length - 1 ? channels : 1));
  return (!bias || (bias.shape.length === 1 && bias.shape[0] === channels)) && flat;
}

/** The kernels of the activations that tf.fused knows; `linear` needs none. */
const ACTIVATIONS: Readonly<Record<string, string | undefined>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
  prelu: 'Prelu',
};
