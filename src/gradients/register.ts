import * as tf from '@tensorflow/tfjs';
import {registered} from '../one-per-process.js';
import {allowAbsentInputs} from './absent-inputs.js';
import {averagePoolGradient, gradientsOfAveragePoolGradients} from './average-pool.js';
import {bilinearGradient, gradientOfBilinearGradient} from './bilinear.js';
import {broadcastGradient} from './broadcasting.js';
import {gradientsOfConvolutionGradients} from './convolution-gradients.js';
import {cumsumGradient} from './cumsum.js';
import {mendCustomGradients} from './custom-gradients.js';
import {depthToSpaceGradient} from './depth-to-space.js';
import {convolutionGradient} from './dilated-convolution.js';
import {einsumGradient} from './einsum.js';
import {gradientOfEluGradient, seluGradient} from './elu.js';
import {gradientOfLeakyReluGradient, leakyReluGradient} from './leaky-relu.js';
import {localResponseNormalizationGradient} from './local-response-normalization.js';
import {mirrorPadGradient} from './mirror-pad.js';
import {gradientOfNearestNeighborGradient, nearestNeighborGradient} from './nearest-neighbor.js';
import {gradientsOfMaxPoolGradients} from './max-pool.js';
import {powGradient} from './pow.js';
import {prodGradient} from './prod.js';
import {refusedGradients} from './refused.js';
import {connectSavedOutputs} from './saved-outputs.js';
import {castGradient, floorDivGradient, stepFunctionGradients} from './step-functions.js';

/** What is made of TensorFlow.js's own gradient, by the kernel. */
const CHANGED: Record<string, (original: tf.GradConfig) => tf.GradConfig> = {
  AvgPool: averagePoolGradient,
  AvgPool3D: averagePoolGradient,
  Conv2D: convolutionGradient,
  DepthwiseConv2dNative: convolutionGradient,
  FloorDiv: floorDivGradient,
  LRN: localResponseNormalizationGradient,
  Maximum: broadcastGradient,
  Minimum: broadcastGradient,
  Pow: powGradient,
  Prod: prodGradient,
  ResizeBilinear: bilinearGradient,
  ResizeNearestNeighbor: nearestNeighborGradient,
  SquaredDifference: broadcastGradient,
};

const ADDED: tf.GradConfig[] = [
  castGradient,
  cumsumGradient,
  depthToSpaceGradient,
  einsumGradient,
  leakyReluGradient,
  mirrorPadGradient,
  seluGradient,
  gradientOfBilinearGradient,
  gradientOfEluGradient,
  gradientOfLeakyReluGradient,
  gradientOfNearestNeighborGradient,
  ...gradientsOfAveragePoolGradients,
  ...gradientsOfConvolutionGradients,
  ...gradientsOfMaxPoolGradients,
  ...stepFunctionGradients,
  ...refusedGradients,
];

/**
 * Gives TensorFlow.js the gradients that GAN training needs and it lacks, on every backend.
 *
 * - Whatever it has a gradient of can be differentiated again, as gradient penalties need, but `dilation2d`, which is
 *   refused by name. `docs/gradients.md` lists every operation.
 * - It has a gradient of depthToSpace, of einsum and of dilated convolutions, depthwise, fused and in `tf.layers` too, of
 *   `tf.batchNorm` without a scale or an offset, and of maximum, minimum and squaredDifference of inputs that are broadcast.
 * - The gradients that it has wrong are right: those of average pooling with padding, of resizing with half-pixel centres
 *   and on the cpu backend, of mirrorPad, of cumsum along another axis than the last, of prod along a negative axis, of the
 *   labels of softmaxCrossEntropy, and of rounding, by a cast or by floorDiv, which is zero.
 * - Where gradients only pass through a convolutional or dense layer, those of its weights are not computed.
 *
 * `tf.layers.depthwiseConv2d` takes no account of its `dilationRate` in TensorFlow.js 4.22, and so neither here. The outputs
 * that a `tf.customGrad` of your own saves lead back to its inputs; what else it computes and saves does not.
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
  for (const [kernelName, change] of Object.entries(CHANGED)) replace(change(tf.getGradient(kernelName)));
  ADDED.forEach(replace);
  mendCustomGradients();
  connectSavedOutputs();
  allowAbsentInputs();
  registered.add('gradients');
}

function replace(gradient: tf.GradConfig): void {
  if (tf.getGradient(gradient.kernelName)) tf.unregisterGradient(gradient.kernelName);
  tf.registerGradient(gradient);
}
