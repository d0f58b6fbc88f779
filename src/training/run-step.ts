import * as tf from '@tensorflow/tfjs';

/**
 * Runs a step in a tidy; if it throws, frees what outlives a tidy: what `kept` gives, and what the gradient tape that
 * tfjs then abandons has saved.
 */
export function runStep<T extends tf.TensorContainer>(step: () => T, kept: () => tf.TensorContainer): T {
  try {
    return tf.tidy(step);
  } catch (error) {
    tf.dispose(kept());
    const {state} = tf.engine();
    if (state.gradientDepth === 0) {
      for (const node of state.activeTape ?? []) tf.dispose(node.saved ?? []);
      state.activeTape = [];
    }
    throw error;
  }
}
