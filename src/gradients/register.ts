import * as tf from '@tensorflow/tfjs';
import {registered} from '../one-per-process.js';
import {depthToSpaceGradient} from './depth-to-space.js';
import {convolutionGradient} from './dilated-convolution.js';
import {expGradient, sigmoidGradient, tanhGradient} from './from-output.js';
import {mendFusedConvolutions} from './fused-convolution.js';
import {leakyReluGradient} from './leaky-relu.js';
import {nearestNeighborGradient} from './nearest-neighbor.js';

/**
 * Gives TensorFlow.js the gradients that GAN training needs and it lacks, on every backend: of depthToSpace and of
 * dilated convolutions, depthwise, fused and in `tf.layers` too; second derivatives of leakyRelu, tanh, sigmoid and exp;
 * and the right one of nearest-neighbour resizing for more than one image on the cpu backend, and with half-pixel
 * centres. `tf.layers.depthwiseConv2d` takes no account of its `dilationRate` in TensorFlow.js 4.22, and so neither here.
 *
 * `GAN`, `useBackend` and `registerTrainingKernels` call it; call it yourself in a training loop of your own. Calling it
 * again does nothing.
 *
 * @example
 * registerGradients();
 * const penalty = (real: tf.Tensor) => tf.grad(x => model.apply(x) as tf.Tensor)(real).square().sum(); // R1
 */
export function registerGradients(): void {
  if (registered.has('gradients')) return;
  replace(depthToSpaceGradient);
  for (const name of ['Conv2D', 'DepthwiseConv2dNative']) replace(convolutionGradient(tf.getGradient(name)));
  mendFusedConvolutions();
  replace(nearestNeighborGradient(tf.getGradient('ResizeNearestNeighbor')));
  for (const gradient of [leakyReluGradient, tanhGradient, sigmoidGradient, expGradient]) replace(gradient);
  registered.add('gradients');
}

function replace(gradient: tf.GradConfig): void {
  if (tf.getGradient(gradient.kernelName)) tf.unregisterGradient(gradient.kernelName);
  tf.registerGradient(gradient);
}
