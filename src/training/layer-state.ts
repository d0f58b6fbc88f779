import * as tf from '@tensorflow/tfjs';

/** Values of variables by their position among those of the networks. */
export type Left = Record<string, tf.Tensor>;

/**
 * What passes in training leave in the layers of networks besides gradients: the statistics of batch normalisation, the
 * vectors of spectral normalisation. Each micro-batch finds what the whole batch would have found, and what the batch leaves
 * is the average of what they left: one update of the statistics for a batch, and the vectors themselves, which are alike.
 */
export class LayerState {
  private readonly variables: tf.Variable[];

  constructor(layers: Pick<tf.layers.Layer, 'nonTrainableWeights'>[]) {
    const weights = layers.flatMap(({nonTrainableWeights}) => nonTrainableWeights);
    this.variables = [...new Set(weights.map(weight => weight.read() as tf.Variable))];
  }

  /** The values of now. */
  values(): tf.Tensor[] {
    return this.variables.map(variable => tf.clone(variable));
  }

  /**
   * Computes something, with the values that it leaves where there were others, and brings these back.
   *
   * @param found the values that it is to find. Default: those of now.
   */
  around<T>(compute: () => T, found?: tf.Tensor[]): {result: T; left: Left} {
    const before = this.values();
    const left: Left = {};
    try {
      found?.forEach((value, i) => value.dataId !== before[i]!.dataId && this.variables[i]!.assign(value));
      const result = compute();
      this.variables.forEach((variable, i) => {
        if (variable.dataId !== before[i]!.dataId) left[i] = tf.clone(variable);
      });
      return {result, left};
    } finally {
      this.variables.forEach((variable, i) => {
        if (variable.dataId !== before[i]!.dataId) variable.assign(before[i]!);
      });
      tf.dispose(before);
    }
  }

  /** Gives the variables these values. */
  set(values: Left): void {
    for (const [i, value] of Object.entries(values)) this.variables[Number(i)]!.assign(value);
  }
}
