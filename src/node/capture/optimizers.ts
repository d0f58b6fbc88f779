import * as tf from '@tensorflow/tfjs';
import type {AdamState, Moment} from '../../training/adam-state.js';

/** What an optimizer's op takes besides a variable and its gradient. */
interface OptimizerState {
  /** Numbers, or scalars of its own, that are fed at every step. */
  settings: (number | tf.Tensor)[];
  /** Its variables that belong to all updates. */
  shared: tf.Variable[];
  /** Its variables that belong to the variable at each position of `applyGradients`. */
  slots: Moment[][];
}

/** An optimizer whose update is one TensorFlow op per variable. */
export interface FusedOptimizer {
  op: 'ResourceApplyAdam' | 'ResourceApplyGradientDescent' | 'ResourceApplyMomentum' | 'ResourceApplyRMSProp';
  stateOf(optimizer: tf.Optimizer): OptimizerState;
}

/** The private state of tfjs's SGD and momentum: `c` is the learning rate, negated. */
interface MomentumState {
  c: tf.Tensor;
  m: tf.Tensor;
  accumulations: Moment[];
}

/** The private state of tfjs's RMSProp. */
interface RmsPropState {
  learningRate: number;
  decay: number;
  momentum: number;
  epsilon: number;
  centered: boolean;
  accumulatedMeanSquares: Moment[];
  accumulatedMoments: Moment[];
}

const FUSED: [prototype: object, FusedOptimizer][] = [
  [
    tf.AdamOptimizer.prototype,
    {
      op: 'ResourceApplyAdam',
      stateOf: optimizer => {
        const adam = optimizer as unknown as AdamState;
        // TensorFlow takes the rests of both decay rates from their float32, tfjs rounds the rests: 5e-5 apart for 0.999,
        // and so are the moments.
        const ratio = (decay: number) => (1 - Math.fround(decay)) / (1 - decay);
        const deviation = Math.sqrt(ratio(adam.beta2));
        const rate = (adam.learningRate * deviation) / ratio(adam.beta1);
        return {
          settings: [rate, adam.beta1, adam.beta2, adam.epsilon * deviation],
          shared: [adam.accBeta1, adam.accBeta2],
          slots: [adam.accumulatedFirstMoment, adam.accumulatedSecondMoment],
        };
      },
    },
  ],
  [
    tf.SGDOptimizer.prototype,
    {
      op: 'ResourceApplyGradientDescent',
      stateOf: optimizer => ({settings: [(optimizer as unknown as MomentumState).c], shared: [], slots: []}),
    },
  ],
  [
    tf.MomentumOptimizer.prototype,
    {
      op: 'ResourceApplyMomentum',
      stateOf: optimizer => {
        const {c, m, accumulations} = optimizer as unknown as MomentumState;
        return {settings: [c, m], shared: [], slots: [accumulations]};
      },
    },
  ],
  [
    tf.RMSPropOptimizer.prototype,
    {
      op: 'ResourceApplyRMSProp',
      stateOf: optimizer => {
        const rmsProp = optimizer as unknown as RmsPropState;
        return {
          settings: [rmsProp.learningRate, rmsProp.decay, rmsProp.momentum, rmsProp.epsilon],
          shared: [],
          slots: [rmsProp.accumulatedMeanSquares, rmsProp.accumulatedMoments],
        };
      },
    },
  ],
];

/** Where tfjs keeps the methods of the optimizers that may be fused. */
export const FUSED_PROTOTYPES = FUSED.map(([prototype]) => prototype);

/** How TensorFlow does an optimizer's update, or undefined where it is recorded op by op. */
export function fusedOptimizer(optimizer: tf.Optimizer): FusedOptimizer | undefined {
  // Where the epsilon of a centered RMSProp goes, tfjs and TensorFlow differ.
  if ((optimizer as unknown as RmsPropState).centered) return undefined;
  // By its method: tfjs lets instanceof hold between any two optimizers, and a subclass may update otherwise.
  const method = (object: object): unknown => Reflect.get(object, 'applyGradients');
  return FUSED.find(([prototype]) => method(prototype) === method(optimizer))?.[1];
}

/** Whether it is momentum of Nesterov's kind. */
export function isNesterov(optimizer: tf.Optimizer): boolean {
  return (optimizer as {useNesterov?: boolean}).useNesterov === true;
}

/**
 * The fused optimizer's own variables for the variable at a position of `applyGradients`: none before its first update, or
 * since `setWeights` took it back there.
 */
export function slotsAt({slots}: OptimizerState, position: number): tf.Variable[] {
  return slots.flatMap(slot => slot[position]?.variable ?? []);
}

/** What an optimizer holds besides its count of steps: numbers, tensors and variables, in the order of its properties. */
export function contentsOf(optimizer: tf.Optimizer): unknown[] {
  const seen = new Set<unknown>();
  const visit = (value: unknown): unknown[] => {
    const plain = Array.isArray(value) || (value as object | null | undefined)?.constructor === Object;
    if (!plain) return [value];
    if (seen.has(value)) return [];
    seen.add(value);
    return Object.values(value as object).flatMap(visit);
  };
  return Object.entries(optimizer).flatMap(([name, value]) => (name === 'iterations_' ? [] : visit(value)));
}

/** The settings among an optimizer's contents: what is no tensor. */
export function settingsOf(optimizer: tf.Optimizer): unknown[] {
  return contentsOf(optimizer).filter(value => !(value instanceof tf.Tensor));
}

/** Whether both lists are of the same things. */
export function sameItems(first: unknown[], second: unknown[]): boolean {
  return first.length === second.length && first.every((one, i) => one === second[i]);
}
