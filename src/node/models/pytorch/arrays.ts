import * as tf from '@tensorflow/tfjs';
import type {SafetensorsTensor} from '../../../models/safetensors.js';

/** What PyTorch's weights are in files. */
export type FloatType = 'float32' | 'float16' | 'bfloat16';

/** A convolution's kernel `[height, width, inputs, outputs]` from PyTorch's `[outputs, inputs, height, width]`. */
export function kernelFromPyTorch(tensor: SafetensorsTensor): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(fromPyTorch<tf.Tensor4D>(tensor), [2, 3, 1, 0]));
}

/** A convolution's kernel as PyTorch has it. */
export async function kernelToPyTorch(kernel: tf.Tensor4D, type: FloatType): Promise<SafetensorsTensor> {
  const transposed = tf.transpose(kernel, [3, 2, 0, 1]);
  try {
    return await toPyTorch(transposed, type);
  } finally {
    transposed.dispose();
  }
}

/** A tensor whose axes are the same in both. */
export function fromPyTorch<T extends tf.Tensor>({shape, data}: SafetensorsTensor): T {
  // A copy: the array is part of the file's.
  return tf.tensor(Float32Array.from(data as Float32Array), shape) as T;
}

/** A tensor as PyTorch has it, where its axes are the same. */
export async function toPyTorch(tensor: tf.Tensor, dtype: FloatType): Promise<SafetensorsTensor> {
  // A copy: on some backends it is a view that moves.
  return {dtype, shape: tensor.shape, data: Float32Array.from(await tensor.data())};
}
