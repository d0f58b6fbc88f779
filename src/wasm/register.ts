import {batchMatMul} from './batch-mat-mul.js';
import {conv2dBackpropFilter} from './conv2d-backprop-filter.js';
import {conv2dBackpropInput} from './conv2d-backprop-input.js';
import {registerWasmKernel} from './kernel.js';
import {leakyReluGrad, registerLeakyReluGradient} from './leaky-relu-grad.js';
import {resizeNearestNeighborGrad} from './resize-nearest-neighbor-grad.js';

let registered = false;

/**
 * Adds to TensorFlow.js's wasm backend the kernels that training needs and it lacks, and replaces those that are slow.
 *
 * Works in Node and in a browser page, with one thread or several. Call it once `@tensorflow/tfjs-backend-wasm` is
 * imported, before or after the backend is chosen; calling it again does nothing.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import '@tensorflow/tfjs-backend-wasm';
 * import {registerTrainingKernels} from 'tfjs-ragan/wasm';
 *
 * registerTrainingKernels();
 * await tf.setBackend('wasm');
 *
 * @throws if `@tensorflow/tfjs-backend-wasm` has not been imported.
 */
export function registerTrainingKernels(): void {
  if (registered) return;
  registerWasmKernel('BatchMatMul', original => {
    if (!original) {
      throw new Error(
        "registerTrainingKernels: the wasm backend is not there; import '@tensorflow/tfjs-backend-wasm' before calling this.",
      );
    }
    return batchMatMul(original);
  });
  registerWasmKernel('Conv2DBackpropFilter', () => conv2dBackpropFilter);
  registerWasmKernel('Conv2DBackpropInput', () => conv2dBackpropInput);
  registerWasmKernel('LeakyReluGrad', () => leakyReluGrad);
  registerWasmKernel('ResizeNearestNeighborGrad', () => resizeNearestNeighborGrad);
  registerLeakyReluGradient();
  registered = true;
}
