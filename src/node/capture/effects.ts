import * as tf from '@tensorflow/tfjs';
import type {Recording} from './recording.js';

type Value = readonly [variable: tf.Variable, value: tf.Tensor];

/**
 * What a call of a step does to variables and optimizers, so that it can be taken back and done again. The values are
 * held, not copied.
 */
export class Effects {
  private readonly before = registered().map(held);
  private after: Value[] = [];

  /** Takes back what the step did since: `recording`, in which only updates made variables. */
  undo(recording: Recording): void {
    const known = new Set(this.before.map(([variable]) => variable));
    const changed = this.before.filter(([variable, {dataId}]) => variable.dataId !== dataId);
    const made = registered().filter(variable => !known.has(variable));
    this.after = [...changed.map(([variable]) => variable), ...made].map(held);
    assign(changed);
    // What an optimizer accumulates begins at zero.
    for (const variable of made) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
    count(recording, -1);
    free(this.before);
  }

  /** After `undo`: does it again. */
  redo(recording: Recording): void {
    assign(this.after);
    count(recording, 1);
  }

  /** Frees the values that it holds. */
  release(): void {
    free(this.before);
    free(this.after);
  }
}

function registered(): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables);
}

function held(variable: tf.Variable): Value {
  return [variable, tf.tidy(() => tf.keep(tf.clone(variable)))];
}

function assign(values: Value[]): void {
  for (const [variable, value] of values) variable.assign(value);
}

function free(values: Value[]): void {
  tf.dispose(values.map(([, value]) => value));
}

/** Counts the steps of a recording in its optimizers, so often. */
function count({optimizers, iterations}: Recording, times: 1 | -1): void {
  optimizers.forEach((optimizer, i) => {
    if (!iterations[i]) return;
    const counter = optimizer as unknown as {iterations_: number};
    counter.iterations_ = optimizer.iterations + times * iterations[i];
  });
}
