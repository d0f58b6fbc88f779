import * as tf from '@tensorflow/tfjs';
import {readsAtOnce} from './reads-at-once.js';
import type {Networks} from './step.js';

/**
 * What a step changes, as it is now. Passes in training leave statistics of batch normalisation and vectors of spectral
 * normalisation in layers before the step is known to be good; where that is known only on the device, everything changes before.
 */
export class VariablesBefore {
  private readonly before: [variable: tf.Variable, value: tf.Tensor][];

  constructor({generator, discriminator}: Networks) {
    const variables = readsAtOnce()
      ? [generator, discriminator].flatMap(({nonTrainableWeights}) =>
          nonTrainableWeights.map(weight => weight.read() as tf.Variable),
        )
      : Object.values(tf.engine().registeredVariables);
    this.before = variables.map(variable => [variable, tf.clone(variable)]);
  }

  /** Makes them what they were. */
  restore(): void {
    for (const [variable, value] of this.changed()) variable.assign(value);
  }

  /** Makes them what they were unless `holds`, `[1]`, is true, which the device finds out. */
  restoreUnless(holds: tf.Tensor): void {
    for (const [variable, value] of this.changed()) {
      tf.tidy(() => variable.assign(valueWhere(holds, variable, value)));
    }
  }

  dispose(): void {
    tf.dispose(this.before.map(([, value]) => value));
  }

  private changed(): [tf.Variable, tf.Tensor][] {
    return this.before.filter(([variable, value]) => !variable.isDisposed && variable.dataId !== value.dataId);
  }
}

/** One of two tensors of the same shape, or `otherwise` a scalar. */
export function valueWhere(holds: tf.Tensor, value: tf.Tensor, otherwise: tf.Tensor): tf.Tensor {
  // Flat: WebGPU repeats the condition on the device only up to rank 4.
  return tf.reshape(tf.where(holds, tf.reshape(value, [-1]), tf.reshape(otherwise, [-1])), value.shape);
}
