import * as tf from '@tensorflow/tfjs';
import type {CaptureOptions, CaptureStatus} from '../../training/step-capture.js';
import {Attempts} from './attempts.js';
import type {NativeBackend} from './binding.js';
import type {Seeds} from './captured-graph.js';
import {CapturedGraph} from './captured-graph.js';
import {contentsOf, sameItems} from './optimizers.js';
import type {Recorded, RecordedStep} from './record-step.js';
import {isRecording, recordStep, release} from './record-step.js';
import type {Recording} from './recording.js';
import {difference} from './recording.js';
import type {Variant} from './variants.js';

/** Shapes of inputs, or variables as inputs, that get a graph of their own; calls with others run as usual. */
const MAX_GRAPHS = 4;

/** The first check, of several steps in a row, since a branch may be taken every few steps; then one at a time. */
const FIRST_CHECK = 100;
const FIRST_CHECK_STEPS = 8;
const CHECK_EVERY = 1000;

/** Whether the step runs as usual after so many runs of a graph, to see that it still does what the graph does. */
const isCheck = (runs: number) =>
  (runs >= FIRST_CHECK && runs < FIRST_CHECK + FIRST_CHECK_STEPS) || (runs > 0 && runs % CHECK_EVERY === 0);

/** Graphs in a row that may be given up before their first check, because what they froze has changed. */
const MAX_RENEWALS = 8;

/** The active backend if it is TensorFlow's. */
function activeNativeBackend(): NativeBackend | undefined {
  const backend = tf.backend() as unknown as Partial<NativeBackend>;
  return tf.getBackend() === 'tensorflow' && backend.binding ? (backend as NativeBackend) : undefined;
}

/** A step for one combination of what it depends on: captured, a graph for each shape of its inputs, or run as usual. */
export class Runner<A extends tf.Tensor[], R> implements Variant<A, R> {
  private readonly graphs = new Map<string, CapturedGraph<R>>();
  private readonly attempts = new Attempts<CapturedGraph<R>>(MAX_GRAPHS);
  /** Why it runs as usual for all shapes: on another backend, or since a graph was found to be wrong. */
  private refusal: string | undefined;
  private renewals = 0;
  private readonly told = new Set<string>();
  /** The backend that the graphs are on. */
  private backend: NativeBackend | undefined;

  constructor(
    private readonly fn: (...inputs: A) => R,
    private readonly options: CaptureOptions,
  ) {
    this.findBackend();
  }

  get status(): CaptureStatus {
    const graphs = [...this.graphs.values()];
    const largest = (values: number[]) => Math.max(0, ...values);
    const reason = this.refusal ?? this.attempts.refusal;
    return {
      state: graphs.length > 0 ? 'captured' : reason === undefined ? 'recording' : 'eager',
      ...(reason === undefined ? {} : {reason}),
      graphs: graphs.length,
      nodes: largest(graphs.map(graph => graph.nodes)),
      weightBytes: largest(graphs.map(graph => graph.weightBytes)),
    };
  }

  call(inputs: A, seeds: Seeds): R {
    this.requireInputs(inputs);
    const backend = this.backend ?? this.findBackend();
    if (!backend && this.refusal) this.warn(this.refusal);
    // A gradient tape sees the ops of the step as usual alone.
    if (!backend || isRecording() || tf.engine().isTapeOn() || (tf.backend() as unknown) !== backend) {
      return this.fn(...inputs);
    }
    const shapes = inputs.map(describeInput).join();
    const graph = this.graphs.get(shapes);
    if (graph?.isCurrent())
      return isCheck(graph.runs) ? this.check(shapes, inputs, seeds, graph) : graph.run(inputs.filter(isFed), seeds);
    if (graph) this.renew(shapes, graph);
    if (this.graphs.size >= MAX_GRAPHS) {
      const message = `inputs of shape ${shapes} run as usual: a step is captured for at most ${MAX_GRAPHS} shapes`;
      this.warn('shapes', message);
      return this.fn(...inputs);
    }
    if (!this.attempts.isDue(shapes)) return this.fn(...inputs);
    return this.capture(backend, shapes, inputs, seeds);
  }

  dispose(): void {
    const graphs = [...this.graphs.values()];
    this.graphs.clear();
    this.attempts.clear();
    disposeAll(graphs);
  }

  private findBackend(): NativeBackend | undefined {
    this.backend = activeNativeBackend();
    this.refusal = this.backend
      ? undefined
      : `the active backend is ${tf.getBackend()}, and steps are captured on TensorFlow (npx tfjs-ragan setup)`;
    return this.backend;
  }

  /** Runs the step as usual and records it; a graph of the record then takes the step in its place. */
  private capture(backend: NativeBackend, shapes: string, inputs: A, seeds: Seeds): R {
    const last = this.attempts.last(shapes);
    const wasChanged = last !== undefined && !sameItems(last.contents, last.optimizers.flatMap(contentsOf));
    const recorded = this.record(backend, inputs, last);
    if (recorded.leftOut) return recorded.result;
    if (recorded.refusal !== undefined) {
      this.refuse(shapes, recorded.refusal);
      return recorded.result;
    }
    try {
      this.take(backend, shapes, recorded, seeds, last, wasChanged);
    } finally {
      release(recorded);
    }
    return recorded.result;
  }

  /** Takes a recorded step by the graph that is tried, and trusts it once enough recordings agree. */
  private take(
    backend: NativeBackend,
    shapes: string,
    recorded: Recorded<R>,
    seeds: Seeds,
    last: Recording | undefined,
    wasChanged: boolean,
  ): void {
    const {recording, stored} = recorded;
    if (stored !== undefined) {
      this.refuse(
        shapes,
        `it leaves behind what it neither uses nor returns: return it, or dispose of it (tf.tidy): ${stored}`,
      );
      return;
    }
    const reason = last && difference(last, recording);
    const isFirst = last !== undefined && last.madeVariables > 0 && recording.madeVariables === 0;
    let isEnough = false;
    if (reason === undefined) isEnough = this.attempts.agree(shapes, recording);
    // An optimizer that is recorded op by op makes its variables the first time, or was given others since.
    else if (!(isFirst || wasChanged) || !this.attempts.restart(shapes, recording)) {
      this.refuse(shapes, reason);
      return;
    }
    if (recording.madeVariables > 0) return;
    try {
      const trial = this.attempts.trial(shapes);
      if (reason !== undefined || !trial?.isCurrent()) {
        this.attempts.try(shapes, new CapturedGraph(backend, recording, recorded.parts));
      }
      const graph = this.attempts.trial(shapes)!;
      // One that lacks what the step itself has disposed of cannot take it.
      if (graph.isCurrent()) graph.runInstead(recorded, seeds);
      if (!isEnough) return;
      graph.runs = 0;
      this.graphs.set(shapes, graph);
      this.attempts.succeed(shapes);
      this.refusal = undefined;
    } catch (error) {
      this.refuse(shapes, (error as Error).message, true);
    }
  }

  /** Runs the step as usual once more, and gives the graphs up if it is not what they do. */
  private check(shapes: string, inputs: A, seeds: Seeds, graph: CapturedGraph<R>): R {
    const recorded = this.record(this.backend!, inputs, graph.recording);
    if (recorded.leftOut) return recorded.result;
    const changed = recorded.refusal ?? difference(graph.recording, recorded.recording);
    if (changed !== undefined) {
      const steps = Math.min(graph.runs + 1, CHECK_EVERY);
      this.dispose();
      this.attempts.distrust();
      this.refusal = `since one of its last ${steps} steps it is not the step that was captured: ${changed}`;
      this.warn(this.refusal);
    }
    if (recorded.refusal !== undefined) return recorded.result;
    try {
      if (changed === undefined) graph.runInstead(recorded, seeds);
    } catch (error) {
      this.graphs.delete(shapes);
      graph.dispose();
      this.refuse(shapes, (error as Error).message, true);
    } finally {
      release(recorded);
    }
    return recorded.result;
  }

  private record(backend: NativeBackend, inputs: A, before: Recording | undefined): RecordedStep<R> {
    const step = (copies: tf.Tensor[]) => {
      const left = [...copies];
      return this.fn(...(inputs.map(input => (isFed(input) ? left.shift()! : input)) as A));
    };
    return recordStep(backend, inputs.filter(isFed), step, this.options.variables, before?.optimizers ?? []);
  }

  /** What a graph froze has changed: the step is recorded again. */
  private renew(shapes: string, graph: CapturedGraph<R>): void {
    this.graphs.delete(shapes);
    graph.dispose();
    this.renewals = graph.runs < FIRST_CHECK ? this.renewals + 1 : 0;
    if (this.renewals > MAX_RENEWALS) {
      this.renewals = 0;
      this.refuse(
        shapes,
        'what it uses besides its inputs, its variables and the settings of fused optimizers keeps changing',
      );
    }
  }

  private refuse(shapes: string, reason: string, forGood = false): void {
    this.attempts.refuse(shapes, reason, forGood);
    this.warn(reason);
  }

  /** Warns once for each reason. */
  private warn(reason: string, message = `this training step runs as usual, not captured: ${reason}`): void {
    if (this.told.has(reason)) return;
    this.told.add(reason);
    (this.options.onWarning ?? console.warn)(`captureStep: ${message}`);
  }

  private requireInputs(inputs: A): void {
    const {inputs: examples} = this.options;
    const types = (tensors: {dtype: string}[]) => tensors.map(({dtype}) => dtype).join(', ');
    if (types(inputs) !== types(examples)) {
      throw new Error(`captureStep: the step takes tensors (${types(examples)}), but it was given (${types(inputs)}).`);
    }
    const disposed = inputs.findIndex(input => input.isDisposed);
    if (disposed >= 0) {
      throw new Error(
        `captureStep: input ${disposed} of the step, of shape [${inputs[disposed]!.shape.join()}], is disposed.`,
      );
    }
  }
}

/** Whether an input is fed to the graph. A variable that a step is given is that variable: the step may update it. */
function isFed(input: tf.Tensor): boolean {
  return !(input instanceof tf.Variable);
}

/** What inputs must have in common to be those of one graph: the same variable, or a tensor of the same shape. */
function describeInput(input: tf.Tensor): string {
  return isFed(input) ? `[${input.shape.join()}]` : `the variable ${(input as tf.Variable).name} (${input.id})`;
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
