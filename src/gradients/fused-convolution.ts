import * as tf from '@tensorflow/tfjs';
import {sumTo} from './broadcasting.js';

/** What is used of TensorFlow.js's engine. */
interface Engine {
  runKernel: (name: string, inputs: tf.NamedTensorMap, attrs?: tf.NamedAttrMap) => tf.Tensor | tf.Tensor[];
}
export type CustomGradient = (...inputsAndSave: unknown[]) => {value: tf.Tensor; gradFunc: GradientFunction};
type GradientFunction = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/**
 * Gives a fused convolution the gradient that is registered for the kernel that does the same without a bias, so that it
 * too knows dilations. While a tape records, TensorFlow.js fuses a bias but no activation.
 */
export function withGradientOf(unfused: string, f: CustomGradient): CustomGradient {
  return (...inputsAndSave) => {
    const {result, attrs} = watchKernel(() => f(...inputsAndSave));
    // With channels first TensorFlow.js refuses a gradient, since the bias would be that of another axis.
    if (attrs.dataFormat !== 'NHWC') return result;
    const gradFunc: GradientFunction = (dy, [filter, x, , bias]) => {
      const dy4D = dy.rank === 3 ? dy.expandDims() : dy;
      const gradients = tf.getGradient(unfused).gradFunc(dy4D, [x!, filter!], attrs);
      const both = [gradients.x!(), gradients.filter!()];
      return bias ? [...both, sumTo(bias.shape, dy4D)] : both;
    };
    return {...result, gradFunc};
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
