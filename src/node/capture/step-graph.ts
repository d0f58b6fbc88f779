import {DTYPES} from './binding.js';
import type {GraphNode} from './graph-writer.js';
import {attrValue, savedModel} from './graph-writer.js';
import {fusedOptimizer} from './optimizers.js';
import type {RecordedAssignment, RecordedOp, RecordedUpdate, Recording, Source} from './recording.js';
import {beforeAnyUpdate, kindOf, sourcesOf} from './recording.js';
import {emitUpdate} from './update-ops.js';

/** A recorded step as a TensorFlow graph, and the names to run it by. */
export interface StepGraph {
  /** The file `saved_model.pb`. */
  bytes: Uint8Array;
  nodes: number;
  /** Fed at every run, in this order: the inputs, the tensors from outside, the settings of fused optimizers, seeds. */
  feeds: string;
  /** Fetched at every run; last, where the changes depend on one, the condition. */
  outputs: string;
  /** Fed with all variables to set them, fetching the constant `ready`. */
  initial: string;
  /** Fetches all variables. */
  values: string;
  /** Fetches a constant after all variables are freed. */
  freed: string;
  /** Numbers of the variables that a run changes. */
  changed: number[];
}

/** The optimizers of a recording that are fused, with the number of their first placeholder. */
export function fusedOptimizers({optimizers}: Recording) {
  return optimizers.flatMap((optimizer, index) => {
    const fused = fusedOptimizer(optimizer);
    return fused ? [{index, optimizer, fused}] : [];
  });
}

/**
 * Turns a recording into a graph.
 *
 * Variables become resources that stay in the session. Each is read as often as it changes; a write runs after the
 * reads of the value before. All writes wait for whatever the step computes from the values that it found, so a step that
 * fails on the way leaves the weights as they were. Where they depend on a condition, TensorFlow's `Switch` gives the node that
 * they wait for no value where it is false, and TensorFlow runs nothing that waits for such a node.
 */
export function stepGraph(recording: Recording): StepGraph {
  return new GraphBuilder(recording).build();
}

/** Runs before all that changes a variable. */
const WRITABLE = '^writable';

class GraphBuilder {
  private readonly nodes: GraphNode[] = [];
  private readonly names: string[] = [];
  private readonly versions: number[];
  private readonly lastWrite: (string | undefined)[];
  /** Values of variables that something in the step uses: "variable/updates". */
  private readonly used = new Set<string>();

  constructor(private readonly recording: Recording) {
    this.versions = recording.variables.map(() => 0);
    this.lastWrite = recording.variables.map(() => undefined);
    for (const source of sourcesOf(recording)) {
      if (source.from === 'variable') this.used.add(`${source.index}/${source.updates}`);
    }
  }

  build(): StepGraph {
    const {recording} = this;
    const {variables, outside, constants, ops} = recording;
    const typed = (tensors: {dtype: string}[]) => tensors.map(({dtype}) => DTYPES[dtype]!);
    const types = typed(variables);
    const initial: string[] = [];
    variables.forEach(({shape}, i) => {
      const dtype = {type: types[i]!};
      this.add(`v${i}`, 'VarHandleOp', [], {dtype, shape: {shape}, shared_name: {string: `v${i}`}});
      this.add(`i${i}`, 'Placeholder', [], {dtype, shape: {shape}});
      initial.push(this.add(`set${i}`, 'AssignVariableOp', [`v${i}`, `i${i}`], {dtype}));
      this.add(`get${i}`, 'ReadVariableOp', [`v${i}`], {dtype});
      this.add(`free${i}`, 'DestroyResourceOp', [`v${i}`], {ignore_lookup_error: {bool: true}});
    });
    const feeds = recording.inputs.map(({shape, dtype}, i) => this.placeholder(`x${i}`, shape, dtype));
    feeds.push(...outside.map(({shape, dtype}, i) => this.placeholder(`o${i}`, shape, dtype)));
    for (const {index, optimizer, fused} of fusedOptimizers(recording)) {
      fused
        .stateOf(optimizer)
        .settings.forEach((_, i) => feeds.push(this.placeholder(`s${index}_${i}`, [], DTYPES.float32!)));
    }
    if (recording.draws > 0) feeds.push(this.placeholder('seeds', [2], DTYPES.int32!));
    constants.forEach(({shape, dtype, bytes}, i) =>
      this.add(`c${i}`, 'Const', [], {dtype: {type: dtype}, value: {tensor: {shape, dtype, bytes}}}),
    );
    for (let i = 0; i < ops.length; i++) {
      const op = ops[i]!;
      if (op.kind === 'op') this.op(op, i);
      else if (op.kind === 'update') this.update(op, i);
      else this.assignNow(op, i);
    }
    const changed = this.assign(types);
    const found = beforeAnyUpdate(recording).map(source => this.value(source));
    const done = this.settle(
      controlsOf(found),
      changed.map(i => `^${this.lastWrite[i]!}`),
    );
    const outputs = recording.outputs.map((source, i) =>
      this.add(`out${i}`, 'Identity', [this.value(source), ...done], {T: {type: kindOf(recording, source).dtype}}),
    );
    const constant = (name: string, after: string[]) =>
      this.add(name, 'Const', after, {
        dtype: {type: DTYPES.int32!},
        value: {tensor: {shape: [], dtype: DTYPES.int32!, bytes: new Uint8Array(4)}},
      });
    if (outputs.length === 0) outputs.push(constant('done', done));
    if (recording.condition) outputs.push(this.value(recording.condition));
    constant(
      'ready',
      initial.map(name => `^${name}`),
    );
    constant(
      'freed',
      variables.map((_, i) => `^free${i}`),
    );
    const list = (names: string[]) => names.map(name => (name.includes(':') ? name : `${name}:0`)).join();
    return {
      bytes: savedModel(this.nodes),
      nodes: this.nodes.length,
      feeds: list(feeds),
      outputs: list(outputs),
      initial: list(variables.map((_, i) => `i${i}`)),
      values: list(variables.map((_, i) => `get${i}`)),
      freed: list(['freed']),
      changed,
    };
  }

  /** Lets the writes happen after `before`, where there is a condition only if it holds; returns what waits for them. */
  private settle(before: string[], writes: string[]): string[] {
    const {condition} = this.recording;
    if (!condition) {
      this.add(WRITABLE.slice(1), 'NoOp', before, {});
      return writes;
    }
    const attributes = {T: {type: DTYPES.bool!}};
    const value = this.value(condition);
    this.add('branch', 'Switch', [value, value], attributes);
    this.add(WRITABLE.slice(1), 'Identity', ['branch:1', ...before], attributes);
    const written = this.add('written', 'Identity', ['branch:1', ...writes], attributes);
    return [`^${this.add('settled', 'Merge', ['branch:0', `${written}:0`], {...attributes, N: {int: 2}})}`];
  }

  private add(name: string, op: string, inputs: string[], attributes: GraphNode['attributes']): string {
    this.nodes.push({name, op, inputs, attributes});
    return name;
  }

  private placeholder(name: string, shape: number[], dtype: number): string {
    return this.add(name, 'Placeholder', [], {dtype: {type: dtype}, shape: {shape}});
  }

  private op({name, inputs, after, attributes, outputs}: RecordedOp, index: number): void {
    const values = inputs.map(source => this.value(source));
    if (name === 'Pow' || (name === 'RealDiv' && this.isRoot(inputs[1]!))) {
      values[1] = this.hidden(`e${index}`, values[1]!, inputs[1]!);
    }
    if (after) values.push(...controlsOf([this.value(after)]));
    const converted = attributes.map(attribute => {
      const value = attrValue(attribute);
      if (!value) throw new Error(`${name} has an attribute ${attribute.name} that a graph cannot carry`);
      return [attribute.name, value] as const;
    });
    // tfjs leaves it out where TensorFlow, running op by op, takes it from the input.
    const type = name === 'ExpandDims' ? {T: {type: outputs[0]!.dtype}} : {};
    this.names[index] = this.add(`n${index}_${name}`, name, values, {...Object.fromEntries(converted), ...type});
  }

  private isRoot(source: Source): boolean {
    const op = source.from === 'op' ? this.recording.ops[source.index]! : undefined;
    return op?.kind === 'op' && op.name === 'Sqrt';
  }

  /**
   * A value that TensorFlow does not look at before it runs: it makes roots of powers, wrong for -0 and -Infinity, and
   * multiplies by the reciprocal of a root, less exactly, instead of dividing by it.
   */
  private hidden(name: string, value: string, source: Source): string {
    const {shape, dtype} = kindOf(this.recording, source);
    const attributes = {dtype: {type: dtype}, shape: {shape}};
    return `${this.add(name, 'PlaceholderWithDefault', [value], attributes)}:0`;
  }

  private update(update: RecordedUpdate, index: number): void {
    emitUpdate(update, fusedOptimizer(this.recording.optimizers[update.optimizer]!)!.op, {
      add: (name, op, inputs, attributes) => this.add(`u${index}_${name}`, op, inputs, attributes),
      setting: i => `s${update.optimizer}_${i}:0`,
      read: variable => this.read(variable),
      value: source => this.value(source),
      write: (written, add) => this.write(written, control => add([...control, WRITABLE])),
      resource: variable => `v${variable}`,
    });
  }

  /** An assignment that an update follows. */
  private assignNow({variable, value}: RecordedAssignment, index: number): void {
    const dtype = {type: DTYPES[this.recording.variables[variable]!.dtype]!};
    const inputs = [`v${variable}`, this.value(value)];
    this.write([variable], control =>
      this.add(`u${index}_assign`, 'AssignVariableOp', [...inputs, ...control, WRITABLE], {dtype}),
    );
  }

  /** Variables that end as something else than their last update made them. */
  private assign(types: number[]): number[] {
    const {assigned} = this.recording;
    const values = assigned.map(source => this.value(source));
    const changed = assigned.flatMap((source, i) =>
      source.from === 'variable' && source.index === i && source.updates === this.versions[i] ? [] : [i],
    );
    // None before all values are there, those that come from updates too.
    const all = this.add('assignable', 'NoOp', [...controlsOf(changed.map(i => values[i]!)), WRITABLE], {});
    for (const i of changed) {
      this.write([i], control =>
        this.add(`a${i}`, 'AssignVariableOp', [`v${i}`, values[i]!, ...control, `^${all}`], {dtype: {type: types[i]!}}),
      );
    }
    return assigned.flatMap((_, i) => (this.lastWrite[i] ? [i] : []));
  }

  private value(source: Source): string {
    switch (source.from) {
      case 'op':
        return `${this.names[source.index]!}:${source.output}`;
      case 'input':
        return `x${source.index}:0`;
      case 'constant':
        return `c${source.index}:0`;
      case 'outside':
        return `o${source.index}:0`;
      case 'seeds':
        return 'seeds:0';
      case 'variable':
        return this.readAt(source.index, source.updates);
    }
  }

  private readonly reads = new Set<string>();

  private read(variable: number): string {
    return this.readAt(variable, this.versions[variable]!);
  }

  private readAt(variable: number, updates: number): string {
    const name = `r${variable}_${updates}`;
    if (!this.reads.has(name)) {
      this.reads.add(name);
      const after = this.lastWrite[variable];
      const dtype = {type: DTYPES[this.recording.variables[variable]!.dtype]!};
      this.add(name, 'ReadVariableOp', [`v${variable}`, ...(after ? [`^${after}`] : [])], {dtype});
    }
    return `${name}:0`;
  }

  /** What a write of a variable has to wait for: the read of the value before, and the write that made it. */
  private controls(variable: number): string[] {
    const version = this.versions[variable]!;
    if (this.used.has(`${variable}/${version}`)) this.readAt(variable, version);
    const after = this.lastWrite[variable];
    return [
      ...(this.reads.has(`r${variable}_${version}`) ? [`^r${variable}_${version}`] : []),
      ...(after ? [`^${after}`] : []),
    ];
  }

  /** Adds one op that writes all these variables. */
  private write(variables: number[], add: (controls: string[]) => string): void {
    const name = add(variables.flatMap(variable => this.controls(variable)));
    for (const variable of variables) {
      this.lastWrite[variable] = name;
      this.versions[variable]!++;
    }
  }
}

/** What to write down to run after the nodes that give these values. */
function controlsOf(values: string[]): string[] {
  return [...new Set(values.map(value => `^${value.split(':')[0]!}`))];
}
