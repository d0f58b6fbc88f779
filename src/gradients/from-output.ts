import * as tf from '@tensorflow/tfjs';

/**
 * The gradient of y = f(x) by a formula in y, that can be differentiated again.
 *
 * The y that the engine saves is not connected with x on an outer tape (tfjs#3252): a second derivative throws, or, if x
 * enters by another path too, silently misses a term. So while an outer tape records, y is computed anew from x.
 */
function fromOutput(
  kernelName: string,
  f: (x: tf.Tensor) => tf.Tensor,
  derivative: (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor,
): tf.GradConfig {
  return {
    kernelName,
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (dy, [x, y]) => ({
      x: () => derivative(dy as tf.Tensor, tf.engine().isTapeOn() ? f(x!) : y!),
    }),
  };
}

export const tanhGradient = fromOutput('Tanh', tf.tanh, (dy, y) => tf.sub(1, y.square()).mul(dy));
export const sigmoidGradient = fromOutput('Sigmoid', tf.sigmoid, (dy, y) => dy.mul(y.mul(tf.sub(1, y))));
export const expGradient = fromOutput('Exp', tf.exp, (dy, y) => dy.mul(y));
