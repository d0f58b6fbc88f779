import * as tf from '@tensorflow/tfjs';
import type {Averaging} from '../losses/averaging.js';
import {meanOverParts} from '../losses/averaging.js';
import type {GanLoss} from '../losses/gan-loss.js';
import type {Inputs} from './inputs.js';
import {listOf} from './inputs.js';
import type {Noise} from './instance-noise.js';
import type {Observed} from './observed.js';
import type {Critic, Penalty} from './penalties.js';

/** A loss of the generator's output against the real sample it should give, besides the adversarial one. */
export interface GeneratorLoss {
  /** Its name in the logs. */
  name: string;
  /** What it is multiplied by in the generator's objective. */
  weight: number;
  /**
   * A scalar from the real samples and the generator's output, made of differentiable ops: the mean over the samples, so
   * that parts of a batch add up to the whole (see `Averaging`).
   */
  loss: (target: tf.Tensor, output: tf.Tensor) => tf.Scalar;
  /** Whether a warm-up (`adversarial: false`) is on this loss too. Default true. */
  warmUp?: boolean;
}

/** The generator losses of a warm-up. */
export function warmUpLosses(generatorLosses: GeneratorLoss[]): GeneratorLoss[] {
  return generatorLosses.filter(({warmUp = true}) => warmUp);
}

/** What a training step optimises. */
export interface Objective {
  /** The adversarial loss. */
  loss: GanLoss;
  /** What the adversarial loss is multiplied by in the generator's objective. */
  adversarialWeight: number;
  /** Further losses of the generator. */
  generatorLosses: GeneratorLoss[];
  /** Further terms of the discriminator's objective, as heavy as their `weight` says, whatever `every` does. Default none. */
  penalties?: Penalty[];
  /** Where the sums and counts of averages come from: `localAveraging` for a whole batch. */
  averaging: Averaging;
  /**
   * Parts of the batch that are computed side by side, where the backend runs independent ops at once; for networks that
   * treat samples one by one. Default 1.
   */
  lanes?: number;
  /** Whether the generator's activations are computed again in the backward pass instead of kept. Default false. */
  recompute?: boolean;
  /** Whether the result tells what the step saw of the samples and the critic, as `observed`. Default false. */
  observe?: boolean;
}

/** The two networks of a GAN. */
export interface Networks {
  /** Makes samples: one output, and one input or several. */
  generator: tf.LayersModel;
  /**
   * The critic, which gives samples logits: one output, no sigmoid. Its first input is the sample; further ones are the
   * condition under which it is judged.
   */
  discriminator: tf.LayersModel;
}

/**
 * Gradients by the name of their variable, as `optimizer.applyGradients` takes them. They are plain tensors, though the types
 * of some of tfjs's optimizers ask for variables.
 */
export type Gradients = Record<string, tf.Variable>;

/** The losses of a batch and the gradients of both networks, all at the weights before the batch. Yours to dispose. */
export interface StepResult {
  /**
   * Scalars by name: `discriminatorLoss`, `generatorLoss` (the adversarial one), one per generator loss and penalty, all
   * unweighted.
   */
  losses: Record<string, tf.Scalar>;
  /** What it saw of the samples and the critic; empty unless the objective asks for it. */
  observed: Observed;
  /** Of the generator's weights. */
  generatorGradients: Gradients;
  /** Of the discriminator's weights; empty for a warm-up. */
  discriminatorGradients: Gradients;
}

/**
 * Computes losses and gradients of one batch: `xs` the generator's input or inputs, `ys` the real samples, `condition` the
 * critic's inputs besides the sample, `[batch, ...]` each; `noise` is added to real and fake samples for the critic. Changes no
 * trainable weight.
 */
export type Step = (
  networks: Networks,
  objective: Objective,
  xs: Inputs,
  ys: tf.Tensor,
  condition?: Inputs,
  noise?: Noise,
) => StepResult;

/** A model's output for a batch, in training mode. */
export function forward(model: tf.LayersModel, inputs: Inputs): tf.Tensor {
  return model.apply(inputs, {training: true}) as tf.Tensor;
}

/** The discriminator as a function of samples alone, which it judges under this condition. */
export function criticOf(discriminator: tf.LayersModel, condition?: Inputs): Critic {
  const further = listOf(condition);
  return samples => forward(discriminator, [samples, ...further]);
}

/**
 * This part's share of the weighted sum of the generator losses, whose own values go to `report`, and of the losses of
 * the layers of `networks`.
 */
export function contentLoss(
  {generatorLosses, averaging}: Objective,
  networks: tf.LayersModel[],
  target: tf.Tensor,
  output: tf.Tensor,
  report: (name: string, value: tf.Scalar) => void,
): tf.Scalar {
  const samples = output.shape[0];
  let total = layerLosses(networks, samples, averaging);
  for (const {name, weight, loss} of generatorLosses) {
    const value = loss(target, output);
    const {mean, share} = meanOverParts(value, samples, averaging);
    report(name, mean);
    total = tf.add(total, tf.mul(value, weight * share));
  }
  return total;
}

/** This part's share of the losses that layers bring with them: those of their regularizers. */
export function layerLosses(networks: tf.LayersModel[], samples: number, averaging: Averaging): tf.Scalar {
  // A model's own calculateLosses() counts a layer as often as it is used, and those of a model within it twice.
  const losses = [...new Set(networks.flatMap(innermost))].flatMap(layer => layer.calculateLosses());
  if (losses.length === 0) return tf.scalar(0);
  const sum = tf.addN<tf.Scalar>(losses);
  return tf.mul(sum, meanOverParts(sum, samples, averaging).share);
}

/** A layer, or the layers that a model is made of, those of models within it too. */
export function innermost(layer: tf.layers.Layer): tf.layers.Layer[] {
  return (layer as Partial<tf.LayersModel>).layers?.flatMap(innermost) ?? [layer];
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

/** What is written down of a step on its way, and kept beyond its tidies. */
export interface StepRecorder {
  losses: Record<string, tf.Scalar>;
  observed: Observed;
  record: (name: string, value: tf.Scalar) => void;
  /** See `Observed`; does nothing unless the objective asks for it. */
  observe: (see: () => Observed) => void;
}

/** What is written down of a step that has not begun. */
export function stepRecorder({observe: asked = false}: Objective): StepRecorder {
  const losses: Record<string, tf.Scalar> = {};
  const observed: Observed = {};
  return {
    losses,
    observed,
    record: (name, value) => (losses[name] = tf.keep(tf.clone(value))),
    observe: see => {
      if (asked) Object.assign(observed, see());
    },
  };
}
