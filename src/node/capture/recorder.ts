import * as tf from '@tensorflow/tfjs';
import type {Attribute, NativeBackend, NativeTensor} from './binding.js';
import {ATTRIBUTE, DTYPES, nativeIds} from './binding.js';
import {callSite} from './call-site.js';
import type {Gradients} from './hooks.js';
import {attachHooks} from './hooks.js';
import {MadeTensors} from './made-tensors.js';
import {contentsOf, fusedOptimizer, isNesterov, sameItems, settingsOf, slotsAt} from './optimizers.js';
import {separate} from './own-data.js';
import type {Draw} from './random-draws.js';
import {recordDraw} from './random-draws.js';
import type {RecordedOp, Recording, Source} from './recording.js';
import {at} from './recording.js';
import type {StepResult} from './step-result.js';

/** Ops that give other values each time they run, or that touch something beyond their tensors. */
const STATEFUL = /^(Multinomial|Random|Stateless|Write|Print|.*Summary|.*Dataset|.*Iterator|Decode|Encode)/;

/** Ops whose results have a shape that depends on values, where JavaScript goes on with the shape of today. */
const SHAPED_BY_VALUES = /^(Unique|Where|NonMaxSuppression|ListDiff|Sparse(?!ToDense)|Ragged)/;

/** TensorFlow's type of 64-bit integers, which appear among the constants of some ops. */
const INT64 = 9;

/** Writes down what a step does between `attach` and `finish`. */
export class Recorder {
  private readonly recording: Recording = {
    inputs: [],
    disposed: [],
    ops: [],
    constants: [],
    draws: 0,
    outside: [],
    variables: [],
    assigned: [],
    optimizers: [],
    iterations: [],
    outputs: [],
    structure: '',
    madeVariables: 0,
    contents: [],
  };
  /** Where each tensor of the binding comes from, by its number there. */
  private readonly sources = new Map<number, Source>();
  /** Data that JavaScript made during the step. */
  private readonly born = new WeakSet<object>();
  /** Values that are random numbers. */
  private readonly draws = new WeakMap<object, Draw>();
  private readonly variableIds = new Map<number, tf.Variable>();
  private readonly indices = new Map<tf.Variable, number>();
  private readonly updates: number[] = [];
  private madeByUpdates = 0;
  /** Tensors that the step made and that live on, besides its result: once it has ended. */
  left: tf.Tensor[] = [];
  private readonly tensors = new MadeTensors();
  /** Tensors that the step takes out of all tidies. */
  private readonly kept = new Set<tf.Tensor>();
  private readonly known = Object.values(tf.engine().registeredVariables);
  private readonly settingsBefore: Map<tf.Optimizer, unknown[]>;
  /** The settings by which fused optimizers updated first. */
  private readonly settingsUsed = new Map<tf.Optimizer, unknown[]>();
  private refusal: string | undefined;
  /** Whether the step left out its changes, since the condition on which they depend did not hold. */
  leftOut = false;
  private paused = false;
  private checks = false;
  /** The layers that run now, the innermost last. */
  private readonly layers: string[] = [];

  constructor(
    private readonly backend: NativeBackend,
    private readonly inputs: tf.Tensor[],
    private readonly changeable: tf.Variable[] | undefined,
    optimizers: tf.Optimizer[],
  ) {
    const {known} = this;
    this.settingsBefore = new Map(optimizers.map(optimizer => [optimizer, settingsOf(optimizer)]));
    separate(backend, known);
    nativeIds(backend, known).forEach((id, i) => this.variableIds.set(id, known[i]!));
    nativeIds(backend, inputs).forEach((id, index) => this.sources.set(id, {from: 'input', index}));
    this.recording.inputs = inputs.map(({dataId}) => {
      const {shape, dtype} = backend.tensorMap.get(dataId);
      return {shape, dtype};
    });
  }

  /** Puts the recorder between tfjs and the binding; returns how to take it away. */
  attach(): () => void {
    return attachHooks(this.backend, {
      made: dataId => this.born.add(dataId),
      drawn: (values, draw) => this.draws.set(values, draw),
      idsOf: tensors => this.idsOf(tensors),
      constant: (id, shape, dtype, values) => this.constant(id, shape, dtype, values),
      op: (name, attributes, ids, outputs) => this.op(name, attributes, ids, outputs),
      read: id => this.read(id),
      checking: run => this.checking(run),
      layer: (layer, run) => this.within(layer, run),
      tensor: tensor => this.tensors.add(tensor),
      use: tensors => this.tensors.use(tensors),
      keep: tensor => this.kept.add(tensor),
      minimize: optimizer => this.numberOf(optimizer),
      count: optimizer => this.recording.iterations[this.numberOf(optimizer)]!++,
      apply: (optimizer, gradients, run) => this.update(optimizer, gradients, run),
    });
  }

  /** The recording of the step that ended with this result, or why there is none. */
  finish({tensors: outputs, structure}: StepResult<unknown>): Recording | string {
    const {recording} = this;
    for (const output of outputs) {
      if (!(output.dtype in DTYPES)) this.refuse(`it returns a tensor of type ${output.dtype}`);
    }
    const ofOptimizers = new Set(recording.optimizers.flatMap(contentsOf));
    for (const tensor of this.kept) {
      if (tensor.isDisposed || outputs.includes(tensor) || tensor instanceof tf.Variable) continue;
      // A setting: an optimizer that was there the time before is looked at below, one made in the step differs each time.
      if (ofOptimizers.has(tensor)) continue;
      this.refuse(`it keeps a tensor of shape [${tensor.shape.join()}] beyond its end (tf.keep): return it`);
    }
    this.left = this.tensors.living(new Set([...outputs, ...ofOptimizers]));
    const require = (ids: number[]) => ids.map(id => this.source(id) ?? this.refuse('a tensor of unknown origin'));
    const outputSources = require(this.idsOf(outputs));
    const living = this.known.filter(variable => !variable.isDisposed);
    const ids = this.idsOf(living);
    // A variable that no op read may still have been assigned.
    living.forEach((variable, i) => {
      if (!this.variableIds.has(ids[i]!) || this.variableIds.get(ids[i]!) !== variable) this.indexOf(variable);
    });
    if (recording.variables.some(variable => variable.isDisposed)) this.refuse('it disposes a variable');
    recording.optimizers.forEach(optimizer => this.requireSettings(optimizer, ''));
    for (const [optimizer, used] of this.settingsUsed) {
      if (!sameItems(used, fusedOptimizer(optimizer)!.stateOf(optimizer).settings)) this.refuseSettings('');
    }
    if (this.refusal !== undefined) return this.refusal;
    recording.structure = structure;
    recording.disposed = this.inputs.flatMap(({isDisposed}, i) => (isDisposed ? [i] : []));
    recording.madeVariables = variableCount() - this.known.length - this.madeByUpdates;
    recording.contents = recording.optimizers.flatMap(contentsOf);
    recording.outputs = outputSources as Source[];
    recording.assigned = require(this.idsOf(recording.variables)) as Source[];
    this.requireChangeable();
    return this.refusal ?? recording;
  }

  /**
   * In words, the first of the tensors that it left which nothing but a later look at it can be meant for, where no tidy
   * around the step frees it; or nothing.
   */
  unused(): string | undefined {
    if ((tf.engine().state as {activeScope?: object | null}).activeScope) return undefined;
    const unused = this.left.find(tensor => !this.tensors.isUsed(tensor));
    if (!unused) return undefined;
    const source = this.sources.get(this.backend.tensorMap.get(unused.dataId).id);
    const op = source?.from === 'op' ? this.recording.ops[source.index] : undefined;
    return `a tensor of shape [${unused.shape.join()}]${at(op?.site ?? '')}`;
  }

  /** `x` as the result of an op that runs once `before` is there. */
  runAfter(x: tf.Tensor, before: tf.Tensor): tf.Tensor {
    const type: Attribute = {name: 'T', type: ATTRIBUTE.type, value: DTYPES[x.dtype]};
    const after = this.source(this.idsOf([before])[0]!);
    const result = this.backend.executeSingleOutput('Identity', [type], [x]);
    if (after?.from === 'op') (this.recording.ops.at(-1) as RecordedOp).after = after;
    return result;
  }

  /** See `allFinite`. */
  allFinite(values: tf.Tensor): boolean {
    if (this.recording.condition) this.refuse('it has two conditions on which its changes depend');
    const condition = tf.tidy(() => tf.all(tf.isFinite(values)));
    this.recording.condition = this.source(this.idsOf([condition])[0]!)!;
    const [holds] = this.checking(() => condition.dataSync());
    condition.dispose();
    if (!holds) this.leftOut = true;
    return Boolean(holds);
  }

  /** Refuses a change of a variable that is neither an optimizer's own nor among those that may change. */
  private requireChangeable(): void {
    if (!this.changeable) return;
    const {variables, assigned, optimizers} = this.recording;
    const allowed = new Set<unknown>([...this.changeable, ...optimizers.flatMap(contentsOf)]);
    variables.forEach((variable, i) => {
      const source = assigned[i]!;
      const same = source.from === 'variable' && source.index === i && source.updates === 0;
      if (!same && !allowed.has(variable)) {
        this.refuse(`it changes the variable ${variable.name}, which is not among its variables`);
      }
    });
  }

  /** Refuses settings of an optimizer that the step itself changes: a graph takes them as they are when it starts. */
  private requireSettings(optimizer: tf.Optimizer, site: string): void {
    const before = this.settingsBefore.get(optimizer);
    if (!before) return;
    // Some keep a setting as a tensor, which is another one once it is set.
    const renewed = contentsOf(optimizer).some(
      value => !(value instanceof tf.Variable) && this.kept.has(value as tf.Tensor),
    );
    if (!renewed && sameItems(before, settingsOf(optimizer))) return;
    this.refuseSettings(site);
  }

  private refuseSettings(site: string): void {
    this.refuse(`it changes the settings of an optimizer (the learning rate, say): set them between steps${at(site)}`);
  }

  private refuse(reason: string): undefined {
    this.refusal ??= reason;
  }

  private checking<T>(run: () => T): T {
    this.checks = true;
    try {
      return run();
    } finally {
      this.checks = false;
    }
  }

  private within<T>(layer: tf.layers.Layer, run: () => T): T {
    this.layers.push(`${layer.name} (${layer.getClassName()})`);
    try {
      return run();
    } finally {
      this.layers.pop();
    }
  }

  /** Where the program is: the line, and the layer of a network. */
  private site(): string {
    const layer = this.layers.at(-1);
    return layer ? `${callSite()} in layer ${layer}` : callSite();
  }

  private read(id: number): void {
    if (this.checks) return;
    const from = this.source(id)?.from;
    if (from === 'constant' || from === 'outside') return;
    this.refuse(
      `it reads a value (dataSync, data or array) before it ends; return the tensor instead${at(this.site())}`,
    );
  }

  private constant(id: number, shape: number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): void {
    if (this.paused) return;
    if (!Object.values(DTYPES).includes(dtype) && dtype !== INT64) {
      this.refuse(`it makes a constant of TensorFlow's type ${dtype}`);
      return;
    }
    const draw = this.draws.get(values);
    if (draw) {
      this.sources.set(id, recordDraw(this.recording, draw, shape, dtype, this.site()));
      return;
    }
    // A copy, since the caller may go on to change its array.
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    this.sources.set(id, {from: 'constant', index: this.recording.constants.length});
    this.recording.constants.push({shape, dtype, bytes, site: this.site()});
  }

  private op(name: string, attributes: Attribute[], ids: number[], outputs: NativeTensor[]): void {
    if (this.paused) return;
    if (STATEFUL.test(name)) this.refuse(`${name} gives other results each time it runs${at(this.site())}`);
    if (SHAPED_BY_VALUES.test(name))
      this.refuse(`${name} gives results whose shape depends on values${at(this.site())}`);
    const inputs: Source[] = [];
    for (const id of ids) {
      const source = this.source(id);
      if (source) inputs.push(source);
      else this.refuse(`${name} takes a tensor of unknown origin`);
    }
    for (const {dtype} of outputs) {
      if (!Object.values(DTYPES).includes(dtype)) this.refuse(`${name} gives a tensor of TensorFlow's type ${dtype}`);
    }
    const index = this.recording.ops.length;
    outputs.forEach(({id}, output) => this.sources.set(id, {from: 'op', index, output}));
    this.recording.ops.push({
      kind: 'op',
      name,
      attributes: attributes.map(one => ({...one})),
      inputs,
      outputs: outputs.map(({shape, dtype}) => ({shape, dtype})),
      site: this.site(),
    });
  }

  /** Replaces the backend's `getInputTensorIds`: learns which tensors were there before the step. */
  private idsOf(tensors: {dataId?: object}[]): number[] {
    const {backend} = this;
    const original = Object.getPrototypeOf(backend) as NativeBackend;
    const idsOf = (some: {dataId?: object}[]) => original.getInputTensorIds.call(backend, some);
    // What JavaScript made before the step, and hands to TensorFlow only now, is no constant of the step.
    const older = tensors.filter(
      ({dataId}) => dataId && !this.born.has(dataId) && backend.tensorMap.get(dataId).values != null,
    );
    this.unrecorded(() => idsOf(older));
    const ids = idsOf(tensors);
    tensors.forEach(({dataId}, i) => {
      if (this.paused || !dataId || this.variableIds.has(ids[i]!) || this.sources.has(ids[i]!)) return;
      const {shape, dtype} = backend.tensorMap.get(dataId);
      if (!Object.values(DTYPES).includes(dtype)) this.refuse(`it uses a tensor of TensorFlow's type ${dtype}`);
      this.sources.set(ids[i]!, {from: 'outside', index: this.recording.outside.length});
      this.recording.outside.push({dataId, shape, dtype, site: this.site()});
    });
    return ids;
  }

  private unrecorded<T>(run: () => T): T {
    const {paused} = this;
    this.paused = true;
    try {
      return run();
    } finally {
      this.paused = paused;
    }
  }

  private source(id: number): Source | undefined {
    const variable = this.variableIds.get(id);
    if (!variable) return this.sources.get(id);
    const index = this.indexOf(variable);
    // Variables are read as they were before the step under their first number.
    return {from: 'variable', index, updates: 0};
  }

  private indexOf(variable: tf.Variable): number {
    let index = this.indices.get(variable);
    if (index === undefined) {
      if (!(variable.dtype in DTYPES)) this.refuse(`it uses the variable ${variable.name} of type ${variable.dtype}`);
      index = this.recording.variables.length;
      this.indices.set(variable, index);
      this.recording.variables.push(variable);
      this.updates.push(0);
    }
    return index;
  }

  private numberOf(optimizer: tf.Optimizer): number {
    const {optimizers, iterations} = this.recording;
    if (!optimizers.includes(optimizer)) iterations[optimizers.push(optimizer) - 1] = 0;
    return optimizers.indexOf(optimizer);
  }

  private update(optimizer: tf.Optimizer, gradients: Gradients, run: () => void): void {
    const fused = fusedOptimizer(optimizer);
    if (!fused) {
      this.numberOf(optimizer);
      run();
      return;
    }
    const list = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({name, tensor}));
    const present = list.flatMap(({name, tensor}, position) =>
      (tensor as tf.Tensor | null | undefined) ? [{name, tensor, position}] : [],
    );
    const sources = this.idsOf(present.map(({tensor}) => tensor)).map(id => this.source(id)!);
    const registered = tf.engine().registeredVariables;
    const variables = present.map(({name}) => registered[name]!);
    const site = this.site();
    this.requireSettings(optimizer, site);
    const before = fused.stateOf(optimizer);
    this.settingsUsed.set(optimizer, this.settingsUsed.get(optimizer) ?? before.settings);
    this.writeAssigned([...variables, ...before.shared, ...present.flatMap(({position}) => slotsAt(before, position))]);
    // Its own variables for those without a gradient are made too, and for that their values are handed over.
    this.idsOf(list.map(({name}) => registered[name]!));
    const known = new Set(Object.values(registered));
    this.unrecorded(run);
    const made = Object.values(registered).filter(variable => !known.has(variable));
    this.madeByUpdates += made.length;
    const state = fused.stateOf(optimizer);
    const {shared} = state;
    const slots = present.map(({position}) => slotsAt(state, position));
    const updates = variables.map((variable, i) => ({
      variable: this.indexOf(variable),
      position: present[i]!.position,
      slots: slots[i]!.map(slot => this.indexOf(slot)),
      gradient: sources[i]!,
    }));
    this.recording.ops.push({
      kind: 'update',
      optimizer: this.numberOf(optimizer),
      shared: shared.map(one => this.indexOf(one)),
      updates,
      nesterov: isNesterov(optimizer),
      site,
    });
    const updated = [...variables, ...slots.flat(), ...shared];
    const untouched = made.filter(variable => !updated.includes(variable));
    this.unrecorded(() => nativeIds(this.backend, untouched)).forEach((id, i) =>
      this.variableIds.set(id, untouched[i]!),
    );
    const ids = this.unrecorded(() => nativeIds(this.backend, updated));
    updated.forEach((variable, i) => {
      const index = this.indexOf(variable);
      this.sources.set(ids[i]!, {from: 'variable', index, updates: ++this.updates[index]!});
    });
  }

  /** An optimizer's op takes a variable as it stands: what the step assigned to it has to be there. */
  private writeAssigned(variables: tf.Variable[]): void {
    this.idsOf(variables).forEach((id, i) => {
      const index = this.indexOf(variables[i]!);
      const value = this.source(id);
      if (!value) {
        this.refuse(`it assigns ${variables[i]!.name} a tensor of unknown origin`);
      } else if (value.from !== 'variable' || value.index !== index || value.updates !== this.updates[index]) {
        this.updates[index]!++;
        this.recording.ops.push({kind: 'assign', variable: index, value, site: callSite()});
      }
    });
  }
}

function variableCount(): number {
  return Object.keys(tf.engine().registeredVariables).length;
}
