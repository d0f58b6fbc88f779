import type * as tf from '@tensorflow/tfjs';

/** An attribute of a TensorFlow op. */
interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

/** The part of `@tensorflow/tfjs-node`'s backend that runs TensorFlow's own ops and what fused kernels end with. */
export interface NativeBackend extends tf.KernelBackend {
  binding: Record<
    'TF_ATTR_TYPE' | 'TF_ATTR_STRING' | 'TF_ATTR_INT' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_FLOAT',
    number
  >;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  applyActivation(x: tf.Tensor, activation?: string, preluSlopes?: tf.Tensor, leakySlope?: number): tf.Tensor;
}

/** What an attribute of a TensorFlow op may be here. */
export type AttributeValue = {string: string} | {float: number} | {int: number | number[]} | {bool: boolean};

/** Runs a TensorFlow op on float32 tensors, with its type attribute `T` and these. */
export function runOp(
  backend: tf.KernelBackend,
  name: string,
  inputs: tf.TensorInfo[],
  attributes: Record<string, AttributeValue> = {},
): tf.Tensor {
  const native = backend as NativeBackend;
  const {binding} = native;
  const typed = Object.entries(attributes).map(([key, value]): Attribute => {
    if ('string' in value) return {name: key, type: binding.TF_ATTR_STRING, value: value.string};
    if ('float' in value) return {name: key, type: binding.TF_ATTR_FLOAT, value: value.float};
    if ('bool' in value) return {name: key, type: binding.TF_ATTR_BOOL, value: value.bool};
    return {name: key, type: binding.TF_ATTR_INT, value: value.int};
  });
  return native.executeSingleOutput(
    name,
    [{name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT}, ...typed],
    inputs,
  );
}
