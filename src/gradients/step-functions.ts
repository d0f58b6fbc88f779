import * as tf from '@tensorflow/tfjs';

/** The inputs of the operations that jump from value to value: their gradient is zero, and TensorFlow.js has none, or a wrong one. */
const INPUTS: Record<string, string[]> = {
  ArgMax: ['x'],
  ArgMin: ['x'],
  Equal: ['a', 'b'],
  Greater: ['a', 'b'],
  GreaterEqual: ['a', 'b'],
  Less: ['a', 'b'],
  LessEqual: ['a', 'b'],
  LogicalAnd: ['a', 'b'],
  LogicalNot: ['x'],
  LogicalOr: ['a', 'b'],
  NotEqual: ['a', 'b'],
};

/** Gradients of zero, without which nothing that chooses between values, as `where` and `clipByValue` do, differentiates twice. */
export const stepFunctionGradients = Object.entries(INPUTS).map(([kernelName, names]): tf.GradConfig => ({
  kernelName,
  inputsToSave: names,
  gradFunc: (_, saved) => Object.fromEntries(names.map((name, i) => [name, () => tf.zeros(saved[i]!.shape)])),
}));

/** A cast of real numbers to whole ones or to truth values is a step function; TensorFlow.js passes the gradient through. */
export const castGradient: tf.GradConfig = {
  kernelName: 'Cast',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], {dtype}) => {
    const rounds = x!.dtype === 'float32' && (dtype === 'int32' || dtype === 'bool');
    return {x: () => (rounds ? tf.zeros(x!.shape) : (dy as tf.Tensor).clone())};
  },
};

/**
 * Floor division is a step function, with the gradient of division in TensorFlow.js. It keeps that for whole numbers,
 * which `tf.div` divides by it.
 */
export function floorDivGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) =>
      saved.every(input => input.dtype === 'int32' || input.dtype === 'bool')
        ? original.gradFunc(dy, saved, attrs)
        : {a: () => tf.zeros(saved[0]!.shape), b: () => tf.zeros(saved[1]!.shape)},
  };
}
