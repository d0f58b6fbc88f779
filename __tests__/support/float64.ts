import type * as tensorflow from '@tensorflow/tfjs';
import {readFileSync} from 'node:fs';
import {createContext, runInContext} from 'node:vm';

/** What is the same in TensorFlow.js and in its double-precision copy. */
export type TensorFlow = typeof tensorflow;

/**
 * A copy of TensorFlow.js of its own, on its cpu backend, whose arrays of floating-point numbers are float64: the oracle
 * for whatever is differentiable, by differences of its values. It has no gradients and no methods of tensors.
 */
export function loadFloat64(): TensorFlow {
  const sandbox: Record<string, unknown> = {Float32Array: Float64Array, Int32Array, Uint8Array, console, setTimeout};
  for (const name of ['global', 'self']) sandbox[name] = sandbox;
  createContext(sandbox);
  for (const part of ['tfjs-core/dist/tf-core.min.js', 'tfjs-backend-cpu/dist/tf-backend-cpu.min.js']) {
    const file = require.resolve(`@tensorflow/${part}`);
    runInContext(readFileSync(file, 'utf8'), sandbox, file);
  }
  const copy = sandbox.tf as TensorFlow;
  copy.setPlatform('node', {
    isTypedArray: (value: unknown) => ArrayBuffer.isView(value),
    now: () => Date.now(),
  } as unknown as Parameters<TensorFlow['setPlatform']>[1]);
  copy.env().set('IS_TEST', true);
  void copy.setBackend('cpu');
  return copy;
}
