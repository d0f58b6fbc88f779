import * as tf from '@tensorflow/tfjs';
import type {Attribute, NativeBackend, NativeTensor} from './binding.js';
import {ATTRIBUTE, DTYPES, nativeIds} from './binding.js';
import {callSite} from './call-site.js';
import {fusedOptimizer} from './optimizers.js';
import type {Recording, Source} from './recording.js';
import {at} from './recording.js';

/** A step that ran, and what it did: a recording, or why it cannot be captured. */
export interface RecordedStep<T> {
  result: T;
  recording?: Recording;
  refusal?: string;
}

/** What `applyGradients` takes. */
type Gradients = tf.NamedTensorMap | {name: string; tensor: tf.Tensor}[];

/** Ops that give other values each time they run, or that touch something beyond their tensors. */
const STATEFUL = /^(Multinomial|Random|Stateless|Write|Print|.*Summary|.*Dataset|.*Iterator|Decode|Encode)/;

/** TensorFlow's type of 64-bit integers, which appear among the constants of some ops. */
const INT64 = 9;

/**
 * Runs a step as usual, on the TensorFlow backend, and records the ops that go through the native binding.
 *
 * A step that cannot be captured still runs to its end; only an error of its own stops it.
 *
 * @param known the variables that the step may use.
 */
export function recordStep<T>(
  backend: NativeBackend,
  known: tf.Variable[],
  inputs: tf.Tensor[],
  step: () => T,
  outputsOf: (result: T) => tf.Tensor[],
): RecordedStep<T> {
  const recorder = new Recorder(backend, known, inputs);
  const restore = recorder.attach();
  try {
    const result = step();
    return {result, ...recorder.finish(outputsOf(result))};
  } finally {
    restore();
  }
}

class Recorder {
  private readonly recording: Recording = {
    inputs: [],
    ops: [],
    constants: [],
    outside: [],
    variables: [],
    assigned: [],
    optimizers: [],
    iterations: [],
    outputs: [],
  };
  /** Where each tensor of the binding comes from, by its number there. */
  private readonly sources = new Map<number, Source>();
  /** Data that JavaScript made during the step. */
  private readonly born = new WeakSet<object>();
  private readonly variableIds = new Map<number, tf.Variable>();
  private readonly indices = new Map<tf.Variable, number>();
  private readonly updates: number[] = [];
  private refusal: string | undefined;
  private paused = false;

  constructor(
    private readonly backend: NativeBackend,
    private readonly known: tf.Variable[],
    inputs: tf.Tensor[],
  ) {
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
    const {backend} = this;
    const {binding} = backend;
    const prototype = Object.getPrototypeOf(backend) as NativeBackend & {move: (...values: unknown[]) => void};
    // The binding's own properties are read-only, so a shadow of it takes its place.
    backend.binding = Object.create(binding, {
      createTensor: {
        value: (shape: number[], dtype: number, values: Float32Array | Int32Array | Uint8Array) => {
          const id = binding.createTensor(shape, dtype, values);
          this.constant(id, shape, dtype, values);
          return id;
        },
      },
      executeOp: {
        value: (name: string, attributes: Attribute[], ids: number[], count: number) => {
          const outputs = binding.executeOp(name, attributes, ids, count);
          this.op(name, attributes, ids, outputs);
          return outputs;
        },
      },
      tensorDataSync: {
        value: (id: number) => {
          const from = this.source(id)?.from;
          if (from !== 'constant' && from !== 'outside') {
            this.refuse(
              `it reads a value (dataSync, data or array) before it ends; return the tensor instead${at(callSite())}`,
            );
          }
          return binding.tensorDataSync(id);
        },
      },
    }) as typeof binding;
    Object.assign(backend, {
      getInputTensorIds: (tensors: {dataId?: object}[]) => this.idsOf(tensors),
      move: (dataId: object, ...rest: unknown[]) => {
        this.born.add(dataId);
        prototype.move.call(backend, dataId, ...rest);
      },
    });
    const restoreOptimizers = this.attachOptimizers();
    return () => {
      restoreOptimizers();
      backend.binding = binding;
      // The methods of the class come to light again.
      delete (backend as Partial<NativeBackend>).getInputTensorIds;
      delete (backend as Partial<typeof prototype>).move;
    };
  }

  finish(outputs: tf.Tensor[]): {recording?: Recording; refusal?: string} {
    const {recording} = this;
    for (const output of outputs) {
      if (!(output.dtype in DTYPES)) this.refuse(`it returns a tensor of type ${output.dtype}`);
    }
    const require = (ids: number[]) => ids.map(id => this.source(id) ?? this.refuse('a tensor of unknown origin'));
    const outputSources = require(this.idsOf(outputs));
    const living = this.known.filter(variable => !variable.isDisposed);
    const ids = this.idsOf(living);
    // A variable that no op read may still have been assigned.
    living.forEach((variable, i) => {
      if (!this.variableIds.has(ids[i]!) || this.variableIds.get(ids[i]!) !== variable) this.indexOf(variable);
    });
    if (recording.variables.some(variable => variable.isDisposed)) this.refuse('it disposes a variable');
    if (this.refusal) return {refusal: this.refusal};
    recording.outputs = outputSources as Source[];
    recording.assigned = require(this.idsOf(recording.variables)) as Source[];
    return this.refusal ? {refusal: this.refusal} : {recording};
  }

  private refuse(reason: string): undefined {
    this.refusal ??= reason;
  }

  private constant(id: number, shape: number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): void {
    if (this.paused) return;
    if (!Object.values(DTYPES).includes(dtype) && dtype !== INT64) {
      this.refuse(`it makes a constant of TensorFlow's type ${dtype}`);
      return;
    }
    // A copy, since the caller may go on to change its array.
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    this.sources.set(id, {from: 'constant', index: this.recording.constants.length});
    this.recording.constants.push({shape, dtype, bytes, site: callSite()});
  }

  private op(name: string, attributes: Attribute[], ids: number[], outputs: NativeTensor[]): void {
    if (this.paused) return;
    if (STATEFUL.test(name)) this.refuse(`${name} gives other results each time it runs${at(callSite())}`);
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
      site: callSite(),
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
      this.recording.outside.push({dataId, shape, dtype, site: callSite()});
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

  /** Learns which optimizers take part; the updates of those that TensorFlow has an op for become that op. */
  private attachOptimizers(): () => void {
    const restores: (() => void)[] = [];
    const patch = (prototype: object, name: string, make: (original: Method) => Method) => {
      const original = (prototype as Record<string, Method>)[name]!;
      (prototype as Record<string, Method>)[name] = make(original);
      restores.push(() => ((prototype as Record<string, Method>)[name] = original));
    };
    const note = (optimizer: tf.Optimizer) => {
      const {optimizers, iterations} = this.recording;
      if (!optimizers.includes(optimizer)) iterations[optimizers.push(optimizer) - 1] = 0;
      return optimizers.indexOf(optimizer);
    };
    type Method = (this: tf.Optimizer, ...values: never[]) => void;
    const {iterations} = this.recording;
    patch(tf.Optimizer.prototype, 'incrementIterations', original => {
      return function (...values) {
        iterations[note(this)]!++;
        original.apply(this, values);
      };
    });
    const update = this.update.bind(this);
    for (const prototype of [tf.AdamOptimizer.prototype, tf.SGDOptimizer.prototype]) {
      patch(prototype, 'applyGradients', original => {
        return function (...values) {
          const [gradients] = values as unknown as [Gradients];
          update(note(this), this, gradients, () => original.apply(this, values));
        };
      });
    }
    return () => restores.forEach(restore => restore());
  }

  private update(optimizer: number, object: tf.Optimizer, gradients: Gradients, run: () => void): void {
    const list = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({name, tensor}));
    const present = list.flatMap(({name, tensor}, position) =>
      (tensor as tf.Tensor | null | undefined) ? [{name, tensor, position}] : [],
    );
    const sources = this.idsOf(present.map(({tensor}) => tensor)).map(id => this.source(id)!);
    const registered = tf.engine().registeredVariables;
    const variables = present.map(({name}) => registered[name]!);
    const site = callSite();
    const fused = fusedOptimizer(object)!;
    const before = [...variables, ...fused.shared(object)];
    nativeIds(this.backend, before).forEach((id, i) => {
      const source = this.source(id);
      if (source?.from !== 'variable') this.refuse(`it assigns ${before[i]!.name} and then updates it by an optimizer`);
    });
    this.unrecorded(run);
    const shared = fused.shared(object);
    const slots = present.map(({position}) => fused.slots(object, position));
    const updates = variables.map((variable, i) => ({
      variable: this.indexOf(variable),
      slots: slots[i]!.map(slot => this.indexOf(slot)),
      gradient: sources[i]!,
    }));
    this.recording.ops.push({
      kind: 'update',
      optimizer,
      shared: shared.map(one => this.indexOf(one)),
      updates,
      site,
    });
    const updated = [...variables, ...slots.flat(), ...shared];
    const ids = this.unrecorded(() => nativeIds(this.backend, updated));
    updated.forEach((variable, i) => {
      const index = this.indexOf(variable);
      this.sources.set(ids[i]!, {from: 'variable', index, updates: ++this.updates[index]!});
    });
  }
}

/** Gives each variable data of its own: what shares a tensor's data with a variable cannot be told from it. */
function separate(backend: NativeBackend, variables: tf.Variable[]): void {
  for (const variable of variables) {
    const {refCount, dtype} = backend.tensorMap.get(variable.dataId);
    if (refCount === 1) continue;
    const type = [{name: 'T', type: ATTRIBUTE.type, value: dtype}];
    const [copy] = backend.binding.executeOp('Identity', type, nativeIds(backend, [variable]), 1);
    const tensor = backend.createOutputTensor(copy!);
    variable.assign(tensor);
    tensor.dispose();
  }
}
