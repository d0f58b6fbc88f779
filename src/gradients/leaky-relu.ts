import * as tf from '@tensorflow/tfjs';

/**
 * dy where x is positive, alpha * dy elsewhere, in one kernel where the active backend has it (`LeakyReluGrad`) and
 * three elsewhere. TensorFlow.js's own form cannot be differentiated again, because the comparison has no gradient;
 * this one is linear in dy and constant in x.
 */
function leakyReluGrad(dy: tf.Tensor, x: tf.Tensor, alpha: number): tf.Tensor {
  const compute = (dy: tf.Tensor, x: tf.Tensor, save: tf.GradSaveFunc) => {
    save([x]);
    return {
      value: tf.getKernel('LeakyReluGrad', tf.getBackend())
        ? tf.engine().runKernel<tf.Tensor>('LeakyReluGrad', {dy, x}, {alpha})
        : tf.where(x.greater(0), dy, dy.mul(alpha)),
      gradFunc: (ddx: tf.Tensor, saved: tf.Tensor[]) => [leakyReluGrad(ddx, saved[0]!, alpha), tf.zerosLike(saved[0]!)],
    };
  };
  return tf.customGrad(compute as Parameters<typeof tf.customGrad>[0])(dy, x);
}

/**
 * Taken from the output, which has the sign of the input unless alpha is negative: what comes before a leaky ReLU is then
 * used once, and TensorFlow can fuse the two. While an outer tape records, from the input, which is on that tape.
 */
export const leakyReluGradient: tf.GradConfig = {
  kernelName: 'LeakyRelu',
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc: (dy, [x, y], attrs) => {
    const alpha = attrs.alpha as number;
    const sign = alpha < 0 || tf.engine().isTapeOn() ? x! : y!;
    return {x: () => leakyReluGrad(dy as tf.Tensor, sign, alpha)};
  },
};
