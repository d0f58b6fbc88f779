import * as tf from '@tensorflow/tfjs';

/**
 * Computes gradients that are constants to whatever tape records now: on a tape of their own, so that their backward pass is
 * not written down, and what it saved is freed at once.
 */
export function onOwnTape<T>(compute: () => T): T {
  const {state} = tf.engine();
  const {gradientDepth, activeTape} = state;
  Object.assign(state, {gradientDepth: 0, activeTape: []});
  try {
    return compute();
  } catch (error) {
    // tfjs abandons the tape.
    for (const node of state.activeTape ?? []) tf.dispose(node.saved ?? []);
    throw error;
  } finally {
    Object.assign(state, {gradientDepth, activeTape});
  }
}
