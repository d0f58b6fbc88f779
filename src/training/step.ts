import * as tf from '@tensorflow/tfjs';
import type {Averaging} from '../losses/averaging.js';
import type {GanLoss} from '../losses/gan-loss.js';

/** A loss of the generator's output against the real sample it should give, besides the adversarial one. */
export interface GeneratorLoss {
  /** Its name in the logs. */
  name: string;
  /** What it is multiplied by in the generator's objective. */
  weight: number;
  /** A scalar from the real samples and the generator's output, made of differentiable ops. */
  loss: (target: tf.Tensor, output: tf.Tensor) => tf.Scalar;
}

/** What a training step optimises. */
export interface Objective {
  loss: GanLoss;
  /** What the adversarial loss is multiplied by in the generator's objective. */
  adversarialWeight: number;
  generatorLosses: GeneratorLoss[];
  averaging: Averaging;
}

/** The two networks of a GAN. */
export interface Networks {
  generator: tf.LayersModel;
  discriminator: tf.LayersModel;
}

/** The losses of a batch and the gradients of both networks, all at the weights before the batch. Yours to dispose. */
export interface StepResult {
  /** Scalars by name: `discriminatorLoss`, `generatorLoss` (the adversarial one, unweighted), one per generator loss. */
  losses: Record<string, tf.Scalar>;
  generatorGradients: tf.NamedTensorMap;
  discriminatorGradients: tf.NamedTensorMap;
}

/** Computes losses and gradients of one batch; changes no trainable weight. */
export type Step = (networks: Networks, objective: Objective, xs: tf.Tensor, ys: tf.Tensor) => StepResult;

/** A model's output for a batch, in training mode. */
export function forward(model: tf.LayersModel, input: tf.Tensor): tf.Tensor {
  return model.apply(input, {training: true}) as tf.Tensor;
}

/** The weighted sum of the generator losses; each one's own value goes to `report`. */
export function contentLoss(
  losses: GeneratorLoss[],
  target: tf.Tensor,
  output: tf.Tensor,
  report: (name: string, value: tf.Scalar) => void,
): tf.Scalar {
  let total: tf.Scalar = tf.scalar(0);
  for (const {name, weight, loss} of losses) {
    const value = loss(target, output);
    report(name, value);
    total = tf.add(total, tf.mul(value, weight));
  }
  return total;
}

/** The identity forwards; backwards `change` maps the gradient on its way. */
export function withGradient(x: tf.Tensor, change: (dy: tf.Tensor) => tf.Tensor): tf.Tensor {
  return tf.customGrad(input => ({
    value: tf.clone(input as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => change(dy),
  }))(x);
}

/** A scalar 0 whose gradient with respect to `xs` is `gradients`: starts a backward pass where a gradient is known. */
export function seed(xs: tf.Tensor[], gradients: tf.Tensor[]): tf.Scalar {
  const zero = (...inputs: (tf.Tensor | tf.GradSaveFunc)[]) => {
    (inputs.at(-1) as tf.GradSaveFunc)(gradients);
    return {value: tf.scalar(0), gradFunc: (_: tf.Tensor, saved: tf.Tensor[]) => saved};
  };
  return tf.customGrad(zero)(...xs);
}

/** Keeps the scalars of a step beyond its tidies. */
export function lossRecorder(): {losses: Record<string, tf.Scalar>; record: (name: string, value: tf.Scalar) => void} {
  const losses: Record<string, tf.Scalar> = {};
  return {losses, record: (name, value) => (losses[name] = tf.keep(tf.clone(value)))};
}
