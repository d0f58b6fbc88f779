import type * as tf from '@tensorflow/tfjs';
import type {NativeBackend} from './binding.js';
import {ATTRIBUTE, nativeIds} from './binding.js';

/** A tensor of the same values that shares its data with no other. */
export function copyOf(backend: NativeBackend, tensor: tf.Tensor): tf.Tensor {
  const ids = nativeIds(backend, [tensor]);
  const type = [{name: 'T', type: ATTRIBUTE.type, value: backend.tensorMap.get(tensor.dataId).dtype}];
  return backend.createOutputTensor(backend.binding.executeOp('Identity', type, ids, 1)[0]!);
}

/** Gives each variable data of its own: what shares a tensor's data with a variable cannot be told from it. */
export function separate(backend: NativeBackend, variables: tf.Variable[]): void {
  for (const variable of variables) {
    if (backend.tensorMap.get(variable.dataId).refCount === 1) continue;
    const copy = copyOf(backend, variable);
    variable.assign(copy);
    copy.dispose();
  }
}
