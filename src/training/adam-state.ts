import type * as tf from '@tensorflow/tfjs';

/** The private state of tfjs's Adam. */
export interface AdamState {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Beta 1 and beta 2 to the power of the steps taken, plus one. */
  accBeta1: tf.Variable;
  accBeta2: tf.Variable;
  accumulatedFirstMoment: Moment[];
  accumulatedSecondMoment: Moment[];
  incrementIterations(): void;
}

/** A running mean of the gradients, or of their squares, of the variable at the same position. */
export interface Moment {
  originalName: string;
  variable: tf.Variable;
}
