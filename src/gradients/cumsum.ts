import type * as tf from '@tensorflow/tfjs';

/** The gradient of a cumulative sum: one from the other end. TensorFlow.js's own transposes it unless the axis is the last. */
export const cumsumGradient: tf.GradConfig = {
  kernelName: 'Cumsum',
  gradFunc: (dy, _, {axis, exclusive, reverse}) => ({
    x: () => (dy as tf.Tensor).cumsum(axis as number, exclusive as boolean, !reverse),
  }),
};
