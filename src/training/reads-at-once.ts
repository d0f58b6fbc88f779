import * as tf from '@tensorflow/tfjs';

/** Backends whose numbers are there as soon as they are asked for; others would have to be waited for. */
const READ_AT_ONCE = new Set(['cpu', 'wasm', 'tensorflow']);

/** Whether the active backend is read at once. */
export function readsAtOnce(): boolean {
  return READ_AT_ONCE.has(tf.getBackend());
}
