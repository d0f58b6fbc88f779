import * as tf from '@tensorflow/tfjs';
import {layerWeights} from './variables.js';

/** How `GAN.compile` averages the generator's weights. */
export interface WeightAverageOptions {
  /** How much of the average stays at each step, in [0, 1). 0.999 remembers about a thousand steps. */
  decay: number;
}

/**
 * An exponential average of a model's weights, in a model of its own.
 *
 * After its step t, counted from 1, the average moves towards the weights by 1 - d of what lies between, d the smaller of
 * `decay` and t / (t + 9): the first steps, whose weights are hardly trained, are forgotten soon. What is not trained, the
 * statistics of batch normalisation say, is copied.
 *
 * Yazıcı et al., "The Unusual Effectiveness of Averaging in GAN Training", 2019, https://arxiv.org/abs/1806.04498
 */
export class WeightAverage {
  /** The model with the averaged weights. */
  readonly model: tf.LayersModel;
  /** Each weight with its average. */
  private readonly pairs: [weight: tf.Variable, average: tf.Variable][];
  /** How many steps it averages: a variable, since a captured step must see it change. */
  readonly steps: tf.Variable;

  /** @throws if a layer of the model cannot be made from its configuration. */
  constructor(private readonly source: tf.LayersModel) {
    this.model = copyOf(source);
    const averages = variablesOf(this.model);
    this.pairs = variablesOf(source).map((weight, i) => [weight, averages[i]!]);
    for (const [weight, average] of this.pairs) average.assign(weight);
    this.steps = tf.tidy(() => tf.variable(tf.scalar(0), false));
  }

  /** Whether the model, which others may dispose, can be averaged into no more. */
  get isDisposed(): boolean {
    return this.pairs.some(([, average]) => average.isDisposed);
  }

  /** Takes the average as one of so many steps. */
  countFrom(steps: number): void {
    tf.tidy(() => this.steps.assign(tf.scalar(steps)));
  }

  /** Takes the source's weights of now into the average; nothing if the model was disposed. */
  update(decay: number): void {
    if (this.isDisposed) return;
    tf.tidy(() => {
      const steps = tf.add<tf.Scalar>(this.steps, 1);
      this.steps.assign(steps);
      const rest = tf.sub(1, tf.minimum(decay, tf.div(steps, tf.add(steps, 9))));
      const trained = new Set(this.source.trainableWeights.map(weight => weight.read()));
      for (const [weight, average] of this.pairs) {
        const moved = () => tf.add(average, tf.mul(tf.sub(weight, average), rest));
        average.assign(trained.has(weight) ? moved() : weight);
      }
    });
  }

  /** Frees what is not the model's. */
  forget(): void {
    this.steps.dispose();
  }
}

function variablesOf(model: tf.LayersModel): tf.Variable[] {
  return layerWeights(model).map(weight => weight.read() as tf.Variable);
}

/** A model of the same layers, with variables of its own. */
function copyOf(model: tf.LayersModel): tf.LayersModel {
  const kind = model.constructor as unknown as {fromConfig(kind: unknown, config: unknown): tf.LayersModel};
  try {
    return kind.fromConfig(kind, model.getConfig());
  } catch (error) {
    throw new Error(
      `GAN.compile: weightAverage needs a generator whose layers can be made again; register those of your own with tf.serialization.registerClass (${(error as Error).message.split('\n')[0]!}).`,
      {cause: error},
    );
  }
}
