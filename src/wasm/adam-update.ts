import type {Kernel} from './kernel.js';
import type * as tf from '@tensorflow/tfjs';

/**
 * One update by Adam in one pass over memory: from value, gradient, both moments and both powers of the decay rates to the
 * new value and moments. See `applyGradients`.
 */
export const adamUpdate: Kernel<tf.TensorInfo[]> = (inputs, attrs, backend) => {
  const {learningRate, beta1, beta2, epsilon} = attrs as Record<string, number>;
  const {value, gradient, firstMoment, secondMoment, power1, power2} = inputs;
  const outputs = [value!, firstMoment!, secondMoment!].map(({shape}) => backend.makeOutput(shape, 'float32'));
  const [correction1, correction2] = [power1!, power2!].map(power => 1 - backend.typedArrayFromHeap(power)[0]!);
  const [values, gradients, firsts, seconds, newValues, newFirsts, newSeconds] = [
    value!,
    gradient!,
    firstMoment!,
    secondMoment!,
    ...outputs,
  ].map(tensor => backend.typedArrayFromHeap(tensor));
  update(
    [values!, gradients!, firsts!, seconds!, newValues!, newFirsts!, newSeconds!],
    [learningRate! / correction1!, beta1!, beta2!, epsilon!, 1 / correction2!],
  );
  return outputs;
};

type Arrays = [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];

function update(
  [values, gradients, firsts, seconds, newValues, newFirsts, newSeconds]: Arrays,
  [rate, beta1, beta2, epsilon, scale]: [number, number, number, number, number],
): void {
  const [rest1, rest2] = [1 - beta1, 1 - beta2];
  for (let i = 0; i < values.length; i++) {
    const gradient = gradients[i]!;
    const first = beta1 * firsts[i]! + rest1 * gradient;
    const second = beta2 * seconds[i]! + rest2 * gradient * gradient;
    newFirsts[i] = first;
    newSeconds[i] = second;
    newValues[i] = values[i]! - (rate * first) / (Math.sqrt(second * scale) + epsilon);
  }
}
