import * as tf from '@tensorflow/tfjs';
import {onePerProcess} from '../one-per-process.js';

/** Whether a step runs captured: see `captureStep` in `tfjs-ragan/node`. */
export interface CaptureStatus {
  /** `recording` for the first calls; `captured` once a graph runs; `eager` if it cannot be captured. */
  state: 'recording' | 'captured' | 'eager';
  /** Why it is not captured. */
  reason?: string;
  /** Captured graphs, one per shape of the inputs. */
  graphs: number;
  /** Nodes of the largest of them. */
  nodes: number;
  /** Bytes of the variables that live in TensorFlow's session. */
  weightBytes: number;
}

/** A step that is captured, in whole or in pieces. */
export interface CapturedCall<A extends tf.Tensor[], R> {
  (...inputs: A): R;
  /** How it runs so far. */
  readonly status: CaptureStatus;
  /** Brings the weights back and frees the session. The step can still be called, and is then recorded anew. */
  dispose(): void;
}

/** A step that runs as one call of the backend once it is captured. */
export interface CapturedStep<A extends tf.Tensor[], R> extends CapturedCall<A, R> {
  /**
   * The number of the next call, from 0, by which a step with a `seed` draws random numbers. Set it to go on where a step
   * stopped, or to repeat one.
   */
  counter: number;
}

/** What `captureStep` must know of a step. */
export interface CaptureOptions {
  /** The tensors that the step takes, or tensors like them: their number and types are fixed by them. */
  inputs: {shape: number[]; dtype: tf.DataType}[];
  /** The variables that the step may change besides its optimizers' own; a change of another is refused. Default: any. */
  variables?: tf.Variable[];
  /**
   * Values by which JavaScript decides what the step does, besides its inputs: looked at before every call, outside the step.
   * It is captured for each combination of them (`Object.is`), all on the same variables: `() => [calls % 16 === 0,
   * optimizer]`. Default: none.
   */
  dependsOn?: () => readonly unknown[];
  /**
   * Makes the random numbers that tfjs draws in the step, by `tf.randomNormal` or dropout say, a function of this seed, a
   * whole number of at least 0, and of `counter`, captured or not. Default: others each time.
   */
  seed?: number;
  /** Receives the one line that says why steps are not captured. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/** Captures steps on one backend. */
export interface StepCapturer {
  capture<A extends tf.Tensor[], R>(step: (...inputs: A) => R, options: CaptureOptions): CapturedStep<A, R>;
  /** Parts of a batch that a captured step does well to compute side by side. */
  lanes: number;
  /** See `runAfter`. */
  runAfter(x: tf.Tensor, before: tf.Tensor): tf.Tensor;
  /** While a step is recorded, what `allFinite` does. */
  allFinite(values: tf.Tensor): boolean | undefined;
}

const capturers = onePerProcess('step capturers', () => new Map<string, StepCapturer>());

/** Tells how steps are captured on a backend; the Node part does so for TensorFlow. */
export function setStepCapturer(backend: string, capturer: StepCapturer): void {
  capturers.set(backend, capturer);
}

/** How steps are captured on the active backend; undefined where they cannot be. */
export function stepCapturer(): StepCapturer | undefined {
  return capturers.get(tf.getBackend());
}

/**
 * `x`, which a captured step has only once `before` is there: what is to be computed again at that time is not to be
 * taken for what was computed already. Elsewhere ops run when they are called, and it is `x` itself.
 */
export function runAfter(x: tf.Tensor, before: tf.Tensor): tf.Tensor {
  return stepCapturer()?.runAfter(x, before) ?? x;
}

/**
 * Whether all values are finite, on a backend that is read at once. In a captured step all changes of variables depend on
 * it, whatever the step does next; it must then leave them out where this is false, and decide on nothing else.
 */
export function allFinite(values: tf.Tensor): boolean {
  return stepCapturer()?.allFinite(values) ?? values.dataSync().every(Number.isFinite);
}
