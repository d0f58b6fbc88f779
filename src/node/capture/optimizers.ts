import * as tf from '@tensorflow/tfjs';
import type {AdamState} from '../../training/adam-state.js';

/** An optimizer whose update is one TensorFlow op per variable. */
export interface FusedOptimizer {
  op: 'ResourceApplyAdam' | 'ResourceApplyGradientDescent';
  /** What the op takes from the optimizer at every step: numbers, or scalars of its own. */
  settings: (optimizer: tf.Optimizer) => (number | tf.Tensor)[];
  /** The optimizer's variables that belong to all updates. */
  shared: (optimizer: tf.Optimizer) => tf.Variable[];
  /** The optimizer's variables that belong to the variable at a position of `applyGradients`. */
  slots: (optimizer: tf.Optimizer, position: number) => tf.Variable[];
}

const adam: FusedOptimizer = {
  op: 'ResourceApplyAdam',
  settings: optimizer => {
    const {learningRate, beta1, beta2, epsilon} = optimizer as unknown as AdamState;
    return [learningRate, beta1, beta2, epsilon];
  },
  shared: optimizer => {
    const {accBeta1, accBeta2} = optimizer as unknown as AdamState;
    return [accBeta1, accBeta2];
  },
  slots: (optimizer, position) => {
    const {accumulatedFirstMoment, accumulatedSecondMoment} = optimizer as unknown as AdamState;
    return [accumulatedFirstMoment[position]!.variable, accumulatedSecondMoment[position]!.variable];
  },
};

const sgd: FusedOptimizer = {
  op: 'ResourceApplyGradientDescent',
  // The learning rate, negated.
  settings: optimizer => [(optimizer as unknown as {c: tf.Tensor}).c],
  shared: () => [],
  slots: () => [],
};

/** How TensorFlow does an optimizer's update, or undefined where it is recorded op by op. */
export function fusedOptimizer(optimizer: tf.Optimizer): FusedOptimizer | undefined {
  // By its method: tfjs lets instanceof hold between any two optimizers, and a subclass may update otherwise.
  const updatesAs = (prototype: object) =>
    Reflect.get(optimizer, 'applyGradients') === Reflect.get(prototype, 'applyGradients');
  if (updatesAs(tf.AdamOptimizer.prototype)) return adam;
  return updatesAs(tf.SGDOptimizer.prototype) ? sgd : undefined;
}

/**
 * The numbers an optimizer holds besides its count of steps, as text. An update that is recorded op by op has them
 * frozen in, so a change means another recording.
 */
export function settingsOf(optimizer: tf.Optimizer): string {
  const numbers = Object.entries(optimizer).filter(
    ([name, value]) => typeof value === 'number' && name !== 'iterations_',
  );
  return JSON.stringify(numbers);
}
