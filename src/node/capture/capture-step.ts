import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {CapturedStep, CaptureOptions, CaptureStatus} from '../../training/step-capture.js';
import type {NativeBackend} from './binding.js';
import {CapturedGraph} from './captured-graph.js';
import type {Recording} from './recording.js';
import {difference} from './recording.js';
import type {RecordedStep} from './record-step.js';
import {isRecording, recordStep} from './record-step.js';
import type {StepResult} from './step-result.js';

/** Shapes of inputs that get a graph of their own; calls with others run as usual. */
const MAX_GRAPHS = 4;

/** The first check, of several steps in a row, since a branch may be taken every few steps; then one at a time. */
const FIRST_CHECK = 100;
const FIRST_CHECK_STEPS = 8;
const CHECK_EVERY = 1000;

/** Whether the step runs as usual after so many runs of a graph, to see that it still does what the graph does. */
const isCheck = (runs: number) =>
  (runs >= FIRST_CHECK && runs < FIRST_CHECK + FIRST_CHECK_STEPS) || (runs > 0 && runs % CHECK_EVERY === 0);

/** Graphs that may be given up because what they froze has changed, before the step stays as it is. */
const MAX_RENEWALS = 8;

const CAPTURE_OPTIONS: OptionNames<CaptureOptions> = {inputs: true, variables: true, onWarning: true};

/**
 * Makes a training step run as one TensorFlow call.
 *
 * The first two calls run as usual and are recorded op by op. If both did the same, the record becomes a TensorFlow
 * graph, whose variables are the weights, and every later call with inputs of that shape is one run of it. The weights
 * then live in TensorFlow's session; whatever looks at a variable or changes it between two steps still sees and sets
 * its current value.
 *
 * A step can be captured if all that changes from call to call is in its inputs, its variables and its optimizers.
 * Settings of `tf.train.adam`, `sgd`, `momentum` and `rmsprop`, the learning rate say, are read at every call. A step that
 * differs between its recordings (random numbers or other values made in JavaScript, branches, values read with
 * `dataSync`) goes on as usual, with one warning that names the op, the place and the reason. After 100 runs 8 steps, and
 * every 1,000 one, run as usual, to see that it is still the step that was captured. What JavaScript does in the step
 * besides, such as counting, happens in these calls only. On another backend the step runs as usual.
 *
 * @param fn the step: takes the inputs, updates variables, and returns a tensor, or arrays or objects of tensors, or
 *   nothing. It must not be async.
 * @throws if the active backend is not TensorFlow, through `tfjs-ragan setup`, or the inputs are not those it was made
 *   for.
 * @example
 * const [x, y] = [tf.randomNormal([8, 3]), tf.randomNormal([8, 1])];
 * const optimizer = tf.train.adam(1e-3);
 * const step = captureStep((x, y) => {
 *   const loss = () => tf.losses.meanSquaredError(y, model.apply(x) as tf.Tensor);
 *   return optimizer.minimize(loss as () => tf.Scalar, true)!;
 * }, {inputs: [x, y]});
 * const loss = step(x, y);
 * step.dispose();
 */
export function captureStep<A extends tf.Tensor[], R>(
  fn: (...inputs: A) => R,
  options: CaptureOptions,
): CapturedStep<A, R> {
  requireKnownOptions('captureStep', options, CAPTURE_OPTIONS);
  const backend = tf.backend() as unknown as NativeBackend;
  if (tf.getBackend() !== 'tensorflow' || !(backend.binding as unknown)) {
    throw new Error(
      `captureStep: the active backend must be TensorFlow (npx tfjs-ragan setup), but it is ${tf.getBackend()}.`,
    );
  }
  const runner = new Runner(backend, fn, options);
  return Object.defineProperties((...inputs: A) => runner.call(inputs), {
    status: {get: () => runner.status},
    dispose: {value: () => runner.dispose()},
  }) as CapturedStep<A, R>;
}

class Runner<A extends tf.Tensor[], R> {
  private readonly graphs = new Map<string, CapturedGraph<R>>();
  /** The last recording of each shape that is not captured yet. */
  private readonly recordings = new Map<string, Recording>();
  private refusal: string | undefined;
  private renewals = 0;
  private toldOfShapes = false;

  constructor(
    private readonly backend: NativeBackend,
    private readonly fn: (...inputs: A) => R,
    private readonly options: CaptureOptions,
  ) {}

  get status(): CaptureStatus {
    const graphs = [...this.graphs.values()];
    const largest = (values: number[]) => Math.max(0, ...values);
    return {
      state: graphs.length > 0 ? 'captured' : this.refusal ? 'eager' : 'recording',
      ...(this.refusal ? {reason: this.refusal} : {}),
      graphs: graphs.length,
      nodes: largest(graphs.map(graph => graph.nodes)),
      weightBytes: largest(graphs.map(graph => graph.weightBytes)),
    };
  }

  call(inputs: A): R {
    this.requireInputs(inputs);
    if (isRecording() || (tf.backend() as unknown) !== this.backend) return this.fn(...inputs);
    const shapes = inputs.map(({shape}) => `[${shape.join()}]`).join();
    const graph = this.graphs.get(shapes);
    if (graph?.isCurrent()) return isCheck(graph.runs) ? this.check(shapes, inputs, graph) : this.run(inputs, graph);
    if (graph) this.renew(shapes, graph);
    if (this.refusal) return this.fn(...inputs);
    if (this.graphs.size >= MAX_GRAPHS) {
      if (!this.toldOfShapes) {
        this.warn(`inputs of shape ${shapes} run as usual: a step is captured for at most ${MAX_GRAPHS} shapes`);
      }
      this.toldOfShapes = true;
      return this.fn(...inputs);
    }
    return this.capture(shapes, inputs);
  }

  dispose(): void {
    const graphs = [...this.graphs.values()];
    this.graphs.clear();
    this.recordings.clear();
    disposeAll(graphs);
  }

  private run(inputs: A, graph: CapturedGraph<R>): R {
    try {
      return graph.run(inputs);
    } catch (error) {
      if (graph.runs > 0) throw error;
      // TensorFlow prepares a graph when it runs first: this one it cannot run.
      this.giveUp((error as Error).message);
      return this.fn(...inputs);
    }
  }

  /** Runs the step as usual and records it; once two recordings agree, they become a graph. */
  private capture(shapes: string, inputs: A): R {
    const last = this.recordings.get(shapes);
    const recorded = this.record(inputs, last);
    if (recorded.refusal !== undefined) {
      this.refuse(recorded.refusal);
      return recorded.result;
    }
    const {recording, parts, result} = recorded;
    const reason = last && difference(last, recording);
    if (!last) this.remember(shapes, recording);
    else if (reason === undefined) this.build(shapes, recording, parts);
    // The first time, an optimizer that is recorded op by op makes its variables.
    else if (last.madeVariables > 0 && recording.madeVariables === 0) this.recordings.set(shapes, recording);
    else this.refuse(reason);
    return result;
  }

  private remember(shapes: string, recording: Recording): void {
    // A shape that came once does not stand in the way of another.
    if (this.recordings.size >= MAX_GRAPHS) this.recordings.delete([...this.recordings.keys()][0]!);
    this.recordings.set(shapes, recording);
  }

  private build(shapes: string, recording: Recording, parts: StepResult<R>): void {
    this.recordings.delete(shapes);
    try {
      this.graphs.set(shapes, new CapturedGraph(this.backend, recording, parts));
    } catch (error) {
      this.refuse((error as Error).message);
    }
  }

  /** Runs the step as usual once more, and gives the graphs up if it is not what they do. */
  private check(shapes: string, inputs: A, graph: CapturedGraph<R>): R {
    const recorded = this.record(inputs, graph.recording);
    graph.runs++;
    const changed = recorded.refusal ?? difference(graph.recording, recorded.recording);
    if (changed !== undefined) {
      const steps = Math.min(graph.runs, CHECK_EVERY);
      this.giveUp(`since one of its last ${steps} steps it is not the step that was captured: ${changed}`);
    }
    return recorded.result;
  }

  private record(inputs: A, before: Recording | undefined): RecordedStep<R> {
    const step = (copies: tf.Tensor[]) => this.fn(...(copies as A));
    return recordStep(this.backend, inputs, step, this.options.variables, before?.optimizers ?? []);
  }

  /** What a graph froze has changed: the step is recorded again. */
  private renew(shapes: string, graph: CapturedGraph<R>): void {
    this.graphs.delete(shapes);
    graph.dispose();
    if (++this.renewals > MAX_RENEWALS) {
      this.refuse('what it uses besides its inputs, its variables and the settings of fused optimizers keeps changing');
    }
  }

  private giveUp(reason: string): void {
    this.dispose();
    this.refuse(reason);
  }

  private refuse(reason: string): void {
    this.refusal = reason;
    this.recordings.clear();
    this.warn(`this training step runs as usual, not captured: ${reason}`);
  }

  private warn(message: string): void {
    (this.options.onWarning ?? console.warn)(`captureStep: ${message}`);
  }

  private requireInputs(inputs: A): void {
    const {inputs: examples} = this.options;
    const types = (tensors: {dtype: string}[]) => tensors.map(({dtype}) => dtype).join(', ');
    if (types(inputs) !== types(examples)) {
      throw new Error(`captureStep: the step takes tensors (${types(examples)}), but it was given (${types(inputs)}).`);
    }
  }
}

/** Disposes all of them, also where one throws. */
function disposeAll(graphs: {dispose(): void}[]): void {
  const [first, ...rest] = graphs;
  if (!first) return;
  try {
    first.dispose();
  } finally {
    disposeAll(rest);
  }
}
