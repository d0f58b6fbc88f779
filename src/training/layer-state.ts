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

  constructor(networks: tf.LayersModel[]) {
    const weights = networks.flatMap(({nonTrainableWeights}) => nonTrainableWeights);
    this.variables = [...new Set(weights.map(weight => weight.read() as tf.Variable))];
  }

  /** Computes something, with the values that it leaves where there were others, and brings these back. */
  around<T>(compute: () => T): {result: T; left: Left} {
    const before = this.variables.map(variable => tf.clone(variable));
    const left: Left = {};
    try {
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
