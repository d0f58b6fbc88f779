import type * as tf from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {fused, onePerChannel} from './fused.js';
import {disposeAll, disposeView, runKernel, viewOf} from './kernel.js';

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
    const product = asOneShape(b, backend, matrix =>
      original({a, b: matrix}, {transposeA: false, transposeB: false}, backend),
    );
    disposeAll(backend, ...made);
    return product;
  };
}

function transposeLast(x: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo {
  const axes = x.shape.map((_, axis) => axis);
  const rank = axes.length;
  return runKernel(backend, 'Transpose', {x}, {perm: [...axes.slice(0, -2), rank - 1, rank - 2]});
}

/**
 * A matrix product with a bias and an activation. The backend's own is wrong for stacks of matrices, for transposed ones
 * and for a bias or slopes that are not one number per column.
 */
export function fusedMatMul(original: Kernel): Kernel {
  const own: Kernel = (inputs, attrs, backend) =>
    asOneShape(inputs.b!, backend, b => original({...inputs, b}, attrs, backend));
  return fused(own, 'BatchMatMul', (inputs, {transposeA, transposeB}) => {
    const [a, b] = [inputs.a!.shape, inputs.b!.shape];
    return !transposeA && !transposeB && a[0] === 1 && b[0] === 1 && onePerChannel(inputs, b[2]!);
  });
}

/** The shape of the matrix that each tensor was first multiplied by as. */
const firstShapes = new WeakMap<object, string>();

/**
 * Runs a product by `matrix`. The backend keeps what it prepared for the right-hand matrix by the tensor alone, and would
 * read beyond it, or wrongly, where the same values come in another shape: they are then shown as another tensor.
 */
function asOneShape(
  matrix: tf.TensorInfo,
  backend: WasmBackend,
  multiply: (matrix: tf.TensorInfo) => tf.TensorInfo,
): tf.TensorInfo {
  const shape = matrix.shape.slice(-2).join();
  const first = firstShapes.get(matrix.dataId);
  if (first === undefined) firstShapes.set(matrix.dataId, shape);
  if (first === undefined || first === shape) return multiply(matrix);
  const view = viewOf(backend, matrix, 0, matrix.shape);
  const product = multiply(view);
  disposeView(backend, view);
  return product;
}
