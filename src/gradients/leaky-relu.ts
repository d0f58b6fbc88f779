import * as tf from '@tensorflow/tfjs';

/**
 * In one kernel where the active backend has it (`LeakyReluGrad`) and three elsewhere. Taken from the output, which has
 * the sign of the input unless alpha is negative: what comes before a leaky ReLU is then used once, and TensorFlow can
 * fuse the two.
 */
export const leakyReluGradient: tf.GradConfig = {
  kernelName: 'LeakyRelu',
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc: (dy, [x, y], attrs) => {
    const alpha = attrs.alpha as number;
    return {x: () => leakyReluGrad(dy as tf.Tensor, (alpha < 0 ? x : y)!, alpha)};
  },
};

/** The gradient of the kernel `LeakyReluGrad`: linear in dy, a step function of x. */
export const gradientOfLeakyReluGradient: tf.GradConfig = {
  kernelName: 'LeakyReluGrad',
  inputsToSave: ['x'],
  gradFunc: (ddx, [x], attrs) => ({
    dy: () => leakyReluGrad(ddx as tf.Tensor, x!, attrs.alpha as number),
    x: () => tf.zerosLike(x!),
  }),
};

/** dy where x is positive, alpha * dy elsewhere. */
function leakyReluGrad(dy: tf.Tensor, x: tf.Tensor, alpha: number): tf.Tensor {
  return tf.getKernel('LeakyReluGrad', tf.getBackend())
    ? tf.engine().runKernel<tf.Tensor>('LeakyReluGrad', {dy, x}, {alpha})
    : tf.where(x.greater(0), dy, dy.mul(alpha));
}
