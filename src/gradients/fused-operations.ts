import * as tf from '@tensorflow/tfjs';
import {sumTo} from './broadcasting.js';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  runKernel: (name: string, inputs: tf.NamedTensorMap, attrs?: tf.NamedAttrMap) => tf.Tensor | tf.Tensor[];
  runKernelFunc: (kernel: {
    inputs: tf.NamedTensorMap;
    forwardFunc: (backend: unknown, save: tf.GradSaveFunc) => tf.Tensor;
    backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }) => tf.Tensor;
}
export type CustomGradient = (...inputsAndSave: unknown[]) => {value: tf.Tensor; gradFunc: GradientFunction};
type GradientFunction = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** A kernel that does what a fused one does without a bias, and how TensorFlow.js names and saves their two inputs. */
interface Unfused {
  kernel: string;
  inputs: [string, string];
  saved: [string, string];
}
export const UNFUSED = {
  convolution: {kernel: 'Conv2D', inputs: ['x', 'filter'], saved: ['filter', 'x']},
  depthwiseConvolution: {kernel: 'DepthwiseConv2dNative', inputs: ['x', 'filter'], saved: ['filter', 'x']},
  matrixProduct: {kernel: 'BatchMatMul', inputs: ['a', 'b'], saved: ['a', 'b']},
} satisfies Record<string, Unfused>;

/**
 * Gives a fused operation the gradient that is registered for the kernel that does the same without a bias, so that a
 * convolution too knows dilations, and of no input more than is asked for: TensorFlow.js computes those of all together, the
 * weights' also where a network only passes gradients on. While a tape records, TensorFlow.js fuses a bias but no activation.
 */
export function withGradientOf(
  {kernel, inputs: names, saved: savedNames}: Unfused,
  f: CustomGradient,
): (...inputs: tf.Tensor[]) => tf.Tensor {
  return (...inputs) => {
    const engine = tf.engine() as unknown as Engine;
    let forward: ReturnType<typeof watchKernel<ReturnType<CustomGradient>>> | undefined;
    return engine.runKernelFunc({
      inputs: Object.fromEntries(inputs.entries()),
      forwardFunc: (_, save) => {
        forward = watchKernel(() => f(...inputs, save));
        return forward.result.value;
      },
      backwardsFunc: (dy, saved) => {
        const {result, attrs} = forward!;
        // TensorFlow.js refuses this gradient itself, since the bias would be that of another axis.
        if (attrs.dataFormat === 'NCHW') result.gradFunc(dy, saved);
        const byName = Object.fromEntries(savedNames.map((name, i) => [name, saved[i]!]));
        const [, , y, bias] = saved;
        const ofOutput = dy.rank === y!.rank ? dy : dy.reshape(y!.shape);
        const given = names.map(name => byName[name]!);
        const gradients = tf.getGradient(kernel).gradFunc(ofOutput, given, attrs);
        return {
          0: () => gradients[names[0]]!(),
          1: () => gradients[names[1]]!(),
          2: () => sumTo(bias!.shape, ofOutput),
        };
      },
    });
  };
}

/** The result of `f`, and the attributes of the first kernel that it runs. */
function watchKernel<T>(f: () => T): {result: T; attrs: tf.NamedAttrMap} {
  const engine = tf.engine() as unknown as Engine;
  const {runKernel} = engine;
  let first: tf.NamedAttrMap | undefined;
  engine.runKernel = (name, inputs, attrs) => {
    first ??= attrs;
    return runKernel.call(engine, name, inputs, attrs);
  };
  try {
    return {result: f(), attrs: first!};
  } finally {
    engine.runKernel = runKernel;
  }
}
