import type * as tf from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/**
 * A matrix product whose transposes are made first: the backend's own kernel falls back to plain loops when one is
 * asked for (1.4 GFLOP/s against 31).
 */
export function batchMatMul(original: Kernel): Kernel {
  return (inputs, attrs, backend) => {
    const made: tf.TensorInfo[] = [];
    const prepared = (matrix: tf.TensorInfo, transpose: unknown) => {
      if (!transpose) return matrix;
      const transposed = transposeLast(matrix, backend);
      made.push(transposed);
      return transposed;
    };
    const a = prepared(inputs.a!, attrs.transposeA);
    const b = prepared(inputs.b!, attrs.transposeB);
    const product = original({a, b}, {transposeA: false, transposeB: false}, backend);
    disposeAll(backend, ...made);
    return product;
  };
}

function transposeLast(x: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo {
  const axes = x.shape.map((_, axis) => axis);
  const rank = axes.length;
  return runKernel(backend, 'Transpose', {x}, {perm: [...axes.slice(0, -2), rank - 1, rank - 2]});
}
