import * as tf from '@tensorflow/tfjs';
import type {CapturedStep, CaptureOptions, CaptureStatus} from '../../training/step-capture.js';
import type {NativeBackend} from './binding.js';
import {nativeIds} from './binding.js';
import {settingsOf} from './optimizers.js';
import type {Recording} from './recording.js';
import {at, describeOp, difference} from './recording.js';
import {recordStep} from './recorder.js';
import {ResidentWeights} from './resident-weights.js';
import type {StepGraph} from './step-graph.js';
import {fusedOptimizers, stepGraph} from './step-graph.js';
import {StepSession} from './step-session.js';

/** Shapes of inputs that get a graph of their own; calls with others run as usual. */
const MAX_GRAPHS = 4;

/** Recordings until two in a row must agree: the first may make an optimizer's variables. */
const MAX_RECORDINGS = 3;

/** Runs of a graph after which the step runs as usual once more, to see that it still does what the graph does. */
const isCheck = (runs: number) => runs === 100 || (runs > 0 && runs % 1000 === 0);

/** Graphs that may be given up because what they froze has changed, before the step stays as it is. */
const MAX_RENEWALS = 8;

/**
 * Makes a training step run as one TensorFlow call.
 *
 * The first two calls run as usual and are recorded op by op. If both did the same, the record becomes a TensorFlow
 * graph, whose variables are the weights, and every later call with inputs of that shape is one run of it. The weights
 * then live in TensorFlow's session; whatever looks at a variable or changes it between two steps still sees and sets
 * its current value.
 *
 * A step can be captured if all that changes from call to call is in its inputs, its variables and its optimizers.
 * Settings of `tf.train.adam` and `tf.train.sgd`, the learning rate say, are read at every call. A step that differs
 * between its recordings (random numbers or other values made in JavaScript, branches, values read with `dataSync`)
 * goes on as usual, with one warning that names the op, the place and the reason. After 100 runs, and every 1,000, one
 * step runs as usual, to see that it is still the step that was captured. What JavaScript does in the step besides, such
 * as counting, happens in these calls only.
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

/** What a step returns, as tensors in a row and how they are put together again. */
interface Flat<R> {
  tensors: tf.Tensor[];
  rebuild: (tensors: tf.Tensor[]) => R;
}

class Runner<A extends tf.Tensor[], R> {
  private readonly graphs = new Map<string, Graph<R>>();
  private readonly recordings = new Map<string, Recording[]>();
  private refusal: string | undefined;
  private warned = false;
  private renewals = 0;

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
    const shapes = inputs.map(({shape}) => `[${shape.join()}]`).join();
    const graph = this.graphs.get(shapes);
    if (graph?.isCurrent()) return isCheck(graph.runs) ? this.record(shapes, inputs, graph) : graph.run(inputs);
    if (graph) this.renew(shapes, graph);
    if (this.refusal) return this.fn(...inputs);
    if (!this.recordings.has(shapes) && this.recordings.size + this.graphs.size >= MAX_GRAPHS) {
      this.warn(`inputs of shape ${shapes} run as usual: a step is captured for at most ${MAX_GRAPHS} shapes`);
      return this.fn(...inputs);
    }
    return this.record(shapes, inputs);
  }

  dispose(): void {
    for (const graph of this.graphs.values()) graph.dispose();
    this.graphs.clear();
    this.recordings.clear();
  }

  /** Runs the step as usual and records it, to be captured or, if it is, to be compared with its graph. */
  private record(shapes: string, inputs: A, graph?: Graph<R>): R {
    const known = this.options.variables ?? Object.values(tf.engine().registeredVariables);
    let flat: Flat<R> | undefined;
    const step = () => this.fn(...inputs);
    const tensorsOf = (result: R) => (flat = flatten(result)).tensors;
    let refusal: string | undefined;
    let recorded;
    try {
      recorded = recordStep(this.backend, known, inputs, step, result => {
        try {
          return tensorsOf(result);
        } catch (error) {
          refusal = (error as Error).message;
          return [];
        }
      });
    } catch (error) {
      this.recordings.delete(shapes);
      throw error;
    }
    refusal ??= recorded.refusal;
    if (graph) this.check(graph, refusal ?? difference(graph.recording, recorded.recording!));
    else if (refusal) this.refuse(refusal);
    else this.compare(shapes, recorded.recording!, flat!);
    return recorded.result;
  }

  private compare(shapes: string, recording: Recording, {tensors, rebuild}: Flat<R>): void {
    const recordings = this.recordings.get(shapes) ?? [];
    const last = recordings.at(-1);
    const reason = last && difference(last, recording);
    recordings.push(recording);
    // Only the last is compared with.
    if (last) recordings[recordings.length - 2] = recording;
    this.recordings.set(shapes, recordings);
    if (!last) return;
    if (reason) {
      if (recordings.length >= MAX_RECORDINGS) this.refuse(reason);
      return;
    }
    this.recordings.delete(shapes);
    const kept = tensors.map(tensor => (tensor as tf.Tensor & {kept?: boolean}).kept === true);
    try {
      this.graphs.set(shapes, new Graph(this.backend, recording, kept, rebuild));
    } catch (error) {
      this.refuse((error as Error).message);
    }
  }

  private check(graph: Graph<R>, changed: string | undefined): void {
    graph.runs++;
    if (!changed) return;
    this.dispose();
    this.refuse(
      `since one of its last ${Math.min(graph.runs, 1000)} steps it is not the step that was captured: ${changed}`,
    );
  }

  /** What a graph froze has changed: the step is recorded again. */
  private renew(shapes: string, graph: Graph<R>): void {
    graph.dispose();
    this.graphs.delete(shapes);
    if (++this.renewals > MAX_RENEWALS) {
      this.refuse('what it uses besides its inputs, variables, tf.train.adam and tf.train.sgd keeps changing');
    }
  }

  private refuse(reason: string): void {
    this.refusal = reason;
    this.recordings.clear();
    this.warn(`this training step runs as usual, not captured: ${reason}`);
  }

  private warn(message: string): void {
    if (!this.warned) (this.options.onWarning ?? console.warn)(`captureStep: ${message}`);
    this.warned = true;
  }

  private requireInputs(inputs: A): void {
    const {inputs: examples} = this.options;
    const types = (tensors: {dtype: string}[]) => tensors.map(({dtype}) => dtype).join(', ');
    if (types(inputs) !== types(examples)) {
      throw new Error(`captureStep: the step takes tensors (${types(examples)}), but it was given (${types(inputs)}).`);
    }
  }
}

/** A captured step for one shape of inputs. */
class Graph<R> {
  /** How often the step ran since it was captured. */
  runs = 0;
  readonly nodes: number;
  readonly weightBytes: number;
  private readonly graph: Omit<StepGraph, 'bytes'>;
  private readonly session: StepSession;
  private readonly weights: ResidentWeights;
  private readonly frozen: string[];
  private readonly fused;
  /** Tensors of the optimizers' settings, by their number, made anew only when they change. */
  private readonly settings: {value: number; id: number}[] = [];

  constructor(
    private readonly backend: NativeBackend,
    readonly recording: Recording,
    private readonly kept: boolean[],
    private readonly rebuild: (tensors: tf.Tensor[]) => R,
  ) {
    const {bytes, ...graph} = stepGraph(recording);
    this.graph = graph;
    this.nodes = this.graph.nodes;
    this.weightBytes = recording.variables.reduce((sum, {size}) => sum + 4 * size, 0);
    this.fused = fusedOptimizers(recording);
    this.frozen = this.unfused().map(settingsOf);
    this.session = new StepSession(backend.binding, bytes);
    this.weights = new ResidentWeights(backend, this.session, this.graph, recording.variables);
  }

  /** Whether what the graph has frozen is still so. */
  isCurrent(): boolean {
    const {variables, outside} = this.recording;
    return (
      variables.every(variable => !variable.isDisposed) &&
      outside.every(({dataId}) => this.backend.tensorMap.has(dataId)) &&
      this.unfused().every((optimizer, i) => settingsOf(optimizer) === this.frozen[i])
    );
  }

  run(inputs: tf.Tensor[]): R {
    const {backend, recording} = this;
    const feeds = nativeIds(backend, [...inputs, ...recording.outside] as tf.Tensor[]);
    let setting = 0;
    for (const {optimizer, fused} of this.fused) {
      for (const value of fused.settings(optimizer)) {
        feeds.push(typeof value === 'number' ? this.setting(setting, value) : nativeIds(backend, [value])[0]!);
        setting++;
      }
    }
    this.weights.prepare();
    let outputs;
    try {
      outputs = this.session.run(feeds, this.graph.feeds, this.graph.outputs);
    } catch (error) {
      throw this.named(error as Error);
    }
    this.weights.changed();
    this.runs++;
    recording.optimizers.forEach((optimizer, i) => {
      for (let k = 0; k < recording.iterations[i]!; k++) {
        (optimizer as unknown as {incrementIterations(): void}).incrementIterations();
      }
    });
    if (recording.outputs.length === 0) outputs.forEach(({id}) => backend.binding.deleteTensor(id));
    const tensors = recording.outputs.map((_, i) => {
      const tensor = backend.createOutputTensor(outputs[i]!);
      return this.kept[i] ? tf.keep(tensor) : tensor;
    });
    return this.rebuild(tensors);
  }

  dispose(): void {
    try {
      this.weights.free();
    } finally {
      for (const {id} of this.settings) this.backend.binding.deleteTensor(id);
      this.settings.length = 0;
      this.session.close();
    }
  }

  private unfused(): tf.Optimizer[] {
    return this.recording.optimizers.filter(one => !this.fused.some(({optimizer}) => optimizer === one));
  }

  private setting(index: number, value: number): number {
    const {binding} = this.backend;
    const before = this.settings[index];
    if (before?.value === value) return before.id;
    if (before) binding.deleteTensor(before.id);
    const id = binding.createTensor([], 1, Float32Array.of(value));
    this.settings[index] = {value, id};
    return id;
  }

  /** TensorFlow's error, with the op it names described by the record. */
  private named(error: Error): Error {
    const index = /\{\{node n(\d+)_/.exec(error.message)?.[1];
    if (index === undefined) return error;
    const op = this.recording.ops[Number(index)]!;
    return new Error(
      `captured step: ${describeOp(this.recording, Number(index))} failed${at(op.site)}: ${error.message}`,
      {cause: error},
    );
  }
}

function flatten<R>(result: R): Flat<R> {
  const tensors: tf.Tensor[] = [];
  type Rebuild = (tensors: tf.Tensor[]) => unknown;
  const visit = (value: unknown, path: string): Rebuild => {
    if (value === undefined || value === null) return () => value;
    if (value instanceof tf.Tensor) {
      const index = tensors.push(value as tf.Tensor) - 1;
      return made => made[index];
    }
    if (typeof value === 'object' && typeof (value as {then?: unknown}).then === 'function') {
      throw new Error('it returns a promise, and a step must not be async');
    }
    if (Array.isArray(value)) {
      const items = value.map((item, i) => visit(item, `${path}[${i}]`));
      return made => items.map(item => item(made));
    }
    if (typeof value === 'object') {
      const entries = Object.entries(value).map(([key, item]) => [key, visit(item, `${path}.${key}`)] as const);
      return made => Object.fromEntries(entries.map(([key, item]) => [key, item(made)]));
    }
    throw new Error(`it returns the ${typeof value} ${JSON.stringify(value)} at result${path}; return a tensor`);
  };
  const rebuild = visit(result, '') as (made: tf.Tensor[]) => R;
  return {tensors, rebuild};
}
