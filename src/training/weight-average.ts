import * as tf from '@tensorflow/tfjs';

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
  private readonly steps = tf.variable(tf.scalar(0), false);

  constructor(private readonly source: tf.LayersModel) {
    this.model = copyOf(source);
    const averages = variablesOf(this.model);
    // Now, while both models have them in the same order: layers that are frozen later change places.
    this.pairs = variablesOf(source).map((weight, i) => [weight, averages[i]!]);
  }

  /** Takes the source's weights of now into the average. */
  update(decay: number): void {
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

  dispose(): void {
    this.steps.dispose();
    tf.dispose(this.pairs.map(([, average]) => average));
  }
}

function variablesOf(model: tf.LayersModel): tf.Variable[] {
  return model.weights.map(weight => weight.read() as tf.Variable);
}

/** A model of the same layers and weights, with variables of its own. */
function copyOf(model: tf.LayersModel): tf.LayersModel {
  const kind = model.constructor as unknown as tf.serialization.SerializableConstructor<tf.LayersModel>;
  const copy = (kind as unknown as {fromConfig: FromConfig}).fromConfig(kind, model.getConfig());
  copy.setWeights(variablesOf(model));
  return copy;
}

type FromConfig = (
  kind: tf.serialization.SerializableConstructor<tf.LayersModel>,
  config: tf.serialization.ConfigDict,
) => tf.LayersModel;
