import * as tf from '@tensorflow/tfjs';
import type {NativeBackend} from './binding.js';
import {Effects} from './effects.js';
import {standFor} from './made-tensors.js';
import {copyOf} from './own-data.js';
import type {Recording} from './recording.js';
import {Recorder} from './recorder.js';
import type {StepResult} from './step-result.js';
import {takeApart} from './step-result.js';

/** What a step did. */
export interface Recorded<R> {
  recording: Recording;
  parts: StepResult<R>;
  /** What it did to variables and optimizers. To be released, as are the inputs. */
  effects: Effects;
  /** What it was given, alive also where it disposed of it. */
  inputs: tf.Tensor[];
  /** Tensors besides the result that it left, its inputs among them. */
  left: tf.Tensor[];
  /** In words, one of them that it neither uses nor returns, nor leaves to a tidy: stored to be looked at. */
  stored: string | undefined;
}

/**
 * A step that ran, and what it did, or why it cannot be captured. One that left out its changes (see `allFinite`) is no
 * example of what the step does, nor a reason against it.
 */
export type RecordedStep<R> = {result: R} & (
  (Recorded<R> & {refusal?: never; leftOut?: never}) | {refusal: string; leftOut?: true}
);

/** Of the step that is being recorded now. */
let active: Recorder | undefined;

/** Whether a step is being recorded now. A captured step that it calls then runs as usual and is recorded with it. */
export function isRecording(): boolean {
  return active !== undefined;
}

/** `x`, which the graph of the step that is being recorded has only once `before` is there. */
export function runAfter(x: tf.Tensor, before: tf.Tensor): tf.Tensor {
  return active?.runAfter(x, before) ?? x;
}

/** See `StepCapturer.allFinite`. */
export function allFinite(values: tf.Tensor): boolean | undefined {
  return active?.allFinite(values);
}

/**
 * Runs a step as usual, on the TensorFlow backend, and records the ops that go through the native binding.
 *
 * A step that cannot be captured still runs to its end; only an error of its own stops it. It is given copies of its
 * inputs, so that an input is told from whatever else holds the same values.
 *
 * @param changeable the variables that it may change besides its optimizers' own; undefined for any.
 * @param optimizers those that took part the time before.
 */
export function recordStep<R>(
  backend: NativeBackend,
  inputs: tf.Tensor[],
  step: (inputs: tf.Tensor[]) => R,
  changeable: tf.Variable[] | undefined,
  optimizers: tf.Optimizer[],
): RecordedStep<R> {
  // tfjs numbers its tensors in the order in which they are made.
  const firstId = tf.tidy(() => tf.scalar(0).id);
  const copies = inputs.map(input => copyOf(backend, input));
  const recorder = new Recorder(backend, copies, changeable, optimizers);
  const effects = new Effects();
  const held = tf.tidy(() => inputs.map(input => tf.keep(tf.clone(input))));
  let isHeld = false;
  const restore = recorder.attach();
  active = recorder;
  try {
    const result = step(copies);
    if (recorder.leftOut) return {result, refusal: 'it left out its changes', leftOut: true};
    let parts;
    try {
      parts = takeApart(result, copies, firstId);
    } catch (error) {
      return {result, refusal: (error as Error).message};
    }
    const recorded = recorder.finish(parts);
    const returned = parts.holdsInputs ? parts.rebuild(parts.tensors, inputs) : result;
    if (typeof recorded === 'string') return {result: returned, refusal: recorded};
    const left = [...recorder.left, ...copies];
    isHeld = true;
    return {result: returned, recording: recorded, parts, effects, inputs: held, left, stored: recorder.unused()};
  } finally {
    active = undefined;
    restore();
    if (!isHeld) release({effects, inputs: held});
    // What the step disposed of is no longer the caller's.
    copies.forEach((copy, i) => copy.isDisposed && inputs[i]!.dispose());
    tf.dispose(copies);
    // The step may have stored an input, or go on with it in a promise.
    copies.forEach((copy, i) => standFor(copy, inputs[i]!));
  }
}

/** Frees what is held of a step to take it back. */
export function release({effects, inputs}: Pick<Recorded<unknown>, 'effects' | 'inputs'>): void {
  effects.release();
  tf.dispose(inputs);
}
