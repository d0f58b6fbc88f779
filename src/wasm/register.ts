import type * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../gradients/register.js';
import {registered} from '../one-per-process.js';
import {adamUpdate} from './adam-update.js';
import {batchMatMul, fusedMatMul} from './batch-mat-mul.js';
import {conv2dBackpropFilter} from './conv2d-backprop-filter.js';
import {conv2dBackpropInput} from './conv2d-backprop-input.js';
import {cast} from './cast.js';
import {channelsFirstToo, conv2d, fusedConvolution, fusedDepthwiseConvolution} from './conv2d-forward.js';
import {conv3dBackpropFilter, conv3dBackpropInput} from './conv3d-backprop.js';
import {depthwiseConv2dBackpropFilter, depthwiseConv2dBackpropInput} from './depthwise-conv2d-backprop.js';
import {einsum} from './einsum.js';
import {identity} from './identity.js';
import type {Kernel} from './kernel.js';
import {registerWasmKernel} from './kernel.js';
import {l2Loss} from './l2-loss.js';
import {leakyRelu, leakyReluGrad} from './leaky-relu-grad.js';
import {maxPool3D, maxPoolGrad} from './max-pool.js';
import {prelu} from './prelu.js';
import {resizeNearestNeighborGrad} from './resize-nearest-neighbor-grad.js';
import {splitV} from './split.js';
import {sum} from './sum.js';
import {unsortedSegmentSum} from './unsorted-segment-sum.js';

/**
 * Adds to TensorFlow.js's wasm backend the kernels that training needs and it lacks, and replaces those that are slow or
 * wrong.
 * Calls `registerGradients` too.
 *
 * Works in Node and in a browser page, with one thread or several. Call it once `@tensorflow/tfjs-backend-wasm` is
 * imported, before or after the backend is chosen; calling it again does nothing.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import '@tensorflow/tfjs-backend-wasm';
 * import {registerTrainingKernels} from 'tfjs-ragan/wasm';
 * registerTrainingKernels();
 * await tf.setBackend('wasm');
 *
 * @throws if `@tensorflow/tfjs-backend-wasm` has not been imported.
 */
export function registerTrainingKernels(): void {
  if (registered.has('wasm')) return;
  replace('BatchMatMul', batchMatMul);
  replace('_FusedMatMul', fusedMatMul);
  replace('Cast', cast);
  replace('Conv2D', conv2d);
  replace('FusedConv2D', fusedConvolution);
  replace('FusedDepthwiseConv2D', fusedDepthwiseConvolution);
  replace('LeakyRelu', leakyRelu);
  replace('Prelu', prelu);
  replace('SplitV', splitV);
  replace('Sum', sum);
  registerWasmKernel('AdamUpdate', () => adamUpdate);
  registerWasmKernel('Conv2DBackpropFilter', () => channelsFirstToo(conv2dBackpropFilter, ['x', 'dy'], false));
  registerWasmKernel('Conv2DBackpropInput', () => channelsFirstToo(conv2dBackpropInput, ['dy'], true));
  registerWasmKernel('Conv3DBackpropFilterV2', () => conv3dBackpropFilter);
  registerWasmKernel('Conv3DBackpropInputV2', () => conv3dBackpropInput);
  registerWasmKernel('DepthwiseConv2dNativeBackpropFilter', () => depthwiseConv2dBackpropFilter);
  registerWasmKernel('DepthwiseConv2dNativeBackpropInput', () => depthwiseConv2dBackpropInput);
  registerWasmKernel('Einsum', () => einsum);
  registerWasmKernel('Identity', () => identity);
  registerWasmKernel('L2Loss', () => l2Loss);
  registerWasmKernel('LeakyReluGrad', () => leakyReluGrad);
  registerWasmKernel('MaxPool3D', () => maxPool3D);
  registerWasmKernel('MaxPoolGrad', () => maxPoolGrad);
  registerWasmKernel('MaxPool3DGrad', () => maxPoolGrad);
  registerWasmKernel('ResizeNearestNeighborGrad', () => resizeNearestNeighborGrad);
  registerWasmKernel('UnsortedSegmentSum', () => unsortedSegmentSum);
  registerGradients();
  registered.add('wasm');
}

/** Registers a kernel that falls back on the backend's own. */
function replace<Result extends tf.TensorInfo | tf.TensorInfo[]>(
  kernelName: string,
  make: (original: Kernel<Result>) => Kernel<Result>,
): void {
  registerWasmKernel<Result>(kernelName, original => {
    if (original) return make(original);
    throw new Error(
      "registerTrainingKernels: the wasm backend is not there; import '@tensorflow/tfjs-backend-wasm' before calling this.",
    );
  });
}
