import * as tf from '@tensorflow/tfjs';
import type {NativeBackend} from './binding.js';
import {DTYPES, nativeIds} from './binding.js';
import {expire, takeValues} from './made-tensors.js';
import {contentsOf, fusedOptimizer, isNesterov, slotsAt} from './optimizers.js';
import type {Recorded} from './record-step.js';
import type {Recording} from './recording.js';
import {at, describeOp} from './recording.js';
import {ResidentWeights} from './resident-weights.js';
import {deviceOf} from './rewrites/device.js';
import {lighter} from './rewrites/index.js';
import type {StepGraph} from './step-graph.js';
import {fusedOptimizers, stepGraph} from './step-graph.js';
import type {StepResult} from './step-result.js';
import {StepSession} from './step-session.js';

/** Two whole numbers, by which a call draws random numbers. */
export type Seeds = readonly [number, number];

/** A captured step for one shape of inputs. */
export class CapturedGraph<R> {
  /** How often it ran since it was trusted. */
  runs = 0;
  private hasRun = false;
  /** What the last recorded call left: of the past once the graph has run again. */
  private left: tf.Tensor[] = [];
  readonly nodes: number;
  readonly weightBytes: number;
  /** The recording that the graph is made of. */
  private readonly rewritten: Recording;
  private readonly graph: Omit<StepGraph, 'bytes'>;
  private readonly session: StepSession;
  private readonly weights: ResidentWeights;
  /** What the graph has frozen: see `frozenNow`. */
  private readonly frozen: unknown[];
  private readonly fused;
  /** Which tensors of the result are kept beyond tidies. */
  private readonly kept: boolean[];
  private readonly rebuild: StepResult<R>['rebuild'];
  /** Tensors of the optimizers' settings, by their number, made anew only when they change. */
  private readonly settings = new Map<number, {value: number; id: number}>();

  constructor(
    private readonly backend: NativeBackend,
    readonly recording: Recording,
    {tensors, rebuild}: StepResult<R>,
  ) {
    this.kept = tensors.map(tensor => (tensor as tf.Tensor & {kept?: boolean}).kept === true);
    this.rebuild = rebuild;
    this.rewritten = lighter(recording, deviceOf(backend));
    const {bytes, ...graph} = stepGraph(this.rewritten);
    this.graph = graph;
    this.nodes = this.graph.nodes;
    this.weightBytes = recording.variables.reduce((sum, {size}) => sum + 4 * size, 0);
    this.fused = fusedOptimizers(recording);
    this.frozen = this.frozenNow();
    this.session = new StepSession(backend.binding, bytes);
    this.weights = new ResidentWeights(backend, this.session, this.graph, recording.variables);
  }

  /** Whether what the graph has frozen is still so. */
  isCurrent(): boolean {
    const {variables, outside} = this.recording;
    const frozen = this.frozenNow();
    return (
      variables.every(variable => !variable.isDisposed) &&
      outside.every(({dataId}) => this.backend.tensorMap.has(dataId)) &&
      this.settingsNow().every(value => typeof value === 'number' || !value.isDisposed) &&
      frozen.length === this.frozen.length &&
      frozen.every((one, i) => one === this.frozen[i])
    );
  }

  /** @throws as TensorFlow does. */
  run(inputs: tf.Tensor[], seeds: Seeds): R {
    const tensors = this.execute(inputs, seeds).map((output, i) => (this.kept[i] ? tf.keep(output) : output));
    for (const i of this.recording.disposed) inputs[i]!.dispose();
    return this.rebuild(tensors, inputs);
  }

  /**
   * Takes a step that a recorded call has taken, in its place: what the call did is taken back, and its results get the
   * values of the graph.
   *
   * @throws as TensorFlow does; what the call did then stands.
   */
  runInstead({recording, effects, inputs, parts, left}: Recorded<R>, seeds: Seeds): void {
    effects.undo(recording);
    let outputs;
    try {
      outputs = this.execute(inputs, seeds);
    } catch (error) {
      effects.redo(recording);
      throw error;
    }
    outputs.forEach((output, i) => takeValues(parts.tensors[i]!, output));
    this.left = left;
  }

  /** Runs the graph and counts the step; returns the tensors of its result. */
  private execute(inputs: tf.Tensor[], seeds: Seeds): tf.Tensor[] {
    const {backend, recording} = this;
    const feeds = nativeIds(backend, [...inputs, ...recording.outside] as tf.Tensor[]);
    this.settingsNow().forEach((value, i) =>
      feeds.push(typeof value === 'number' ? this.setting(i, value) : nativeIds(backend, [value])[0]!),
    );
    this.weights.prepare();
    const {binding} = backend;
    const fedSeeds = recording.draws > 0 ? [binding.createTensor([2], DTYPES.int32!, Int32Array.from(seeds))] : [];
    let outputs;
    try {
      outputs = this.session.run([...feeds, ...fedSeeds], this.graph.feeds, this.graph.outputs);
    } catch (error) {
      // Before the first run tfjs still has all values.
      if (this.hasRun) this.weights.changed();
      else this.weights.forget();
      throw this.named(error as Error);
    } finally {
      fedSeeds.forEach(id => binding.deleteTensor(id));
    }
    this.weights.changed();
    this.hasRun = true;
    this.runs++;
    expire(this.left);
    this.left = [];
    if (!recording.condition || this.flag(outputs.pop()!)) this.countSteps();
    if (recording.outputs.length === 0) outputs.forEach(({id}) => binding.deleteTensor(id));
    return recording.outputs.map((_, i) => backend.createOutputTensor(outputs[i]!));
  }

  dispose(): void {
    try {
      this.weights.free();
    } finally {
      for (const {id} of this.settings.values()) this.backend.binding.deleteTensor(id);
      this.settings.clear();
      this.session.close();
    }
  }

  /**
   * What is frozen of variables and optimizers, as it is now: which variables are trainable, as layers are frozen by; and of
   * an optimizer its kind of update and its variables, of which `setWeights` gives it others.
   */
  private frozenNow(): unknown[] {
    const {variables, optimizers, ops} = this.recording;
    const fused = new Map(this.fused.map(({index, optimizer, fused}) => [index, fused.stateOf(optimizer)]));
    const updates = ops.flatMap(op => (op.kind === 'update' ? [op] : []));
    return [
      ...variables.map(({trainable}) => trainable),
      ...optimizers.flatMap((optimizer, i) =>
        fused.has(i) ? [fusedOptimizer(optimizer), isNesterov(optimizer)] : contentsOf(optimizer),
      ),
      ...updates.flatMap(({optimizer, updates}) => {
        const state = fused.get(optimizer)!;
        return [...state.shared, ...updates.flatMap(({position}) => slotsAt(state, position))];
      }),
    ];
  }

  private countSteps(): void {
    const {optimizers, iterations} = this.recording;
    optimizers.forEach((optimizer, i) => {
      for (let k = 0; k < iterations[i]!; k++) {
        (optimizer as unknown as {incrementIterations(): void}).incrementIterations();
      }
    });
  }

  private flag({id}: {id: number}): boolean {
    const [value] = this.backend.binding.tensorDataSync(id);
    this.backend.binding.deleteTensor(id);
    return Boolean(value);
  }

  private settingsNow(): (number | tf.Tensor)[] {
    return this.fused.flatMap(({optimizer, fused}) => fused.stateOf(optimizer).settings);
  }

  private setting(index: number, value: number): number {
    const {binding} = this.backend;
    const before = this.settings.get(index);
    if (before?.value === value) return before.id;
    if (before) binding.deleteTensor(before.id);
    const id = binding.createTensor([], 1, Float32Array.of(value));
    this.settings.set(index, {value, id});
    return id;
  }

  /** TensorFlow's error, with the op or update that it names described by the record. */
  private named(error: Error): Error {
    const index = /\{\{node [nu](\d+)_/.exec(error.message)?.[1];
    if (index === undefined) return error;
    const op = this.rewritten.ops[Number(index)]!;
    return new Error(
      `captured step: ${describeOp(this.rewritten, Number(index))} failed${at(op.site)}: ${error.message}`,
      {cause: error},
    );
  }
}
