import type * as tf from '@tensorflow/tfjs';
import type {Attribute} from './binding.js';
import {DTYPES} from './binding.js';

/** Where a value in a recorded step comes from. */
export type Source =
  | {from: 'op'; index: number; output: number}
  | {from: 'input'; index: number}
  /** A constant that JavaScript made during the step. */
  | {from: 'constant'; index: number}
  /** A tensor that was there before the step and is neither an input nor a variable. */
  | {from: 'outside'; index: number}
  /** The two whole numbers that random numbers go by, others at every call. */
  | {from: 'seeds'}
  /** A variable, as it was before the step or after so many of the step's updates and assignments between them. */
  | {from: 'variable'; index: number; updates: number};

/** One TensorFlow op of a step. */
export interface RecordedOp {
  kind: 'op';
  name: string;
  attributes: Attribute[];
  inputs: Source[];
  /** What must be there before it runs, besides its inputs. */
  after?: Source;
  outputs: {shape: number[]; dtype: number}[];
  /** Where the program called it: see `callSite`. */
  site: string;
}

/** An update of one variable by an optimizer that TensorFlow has an op for. */
export interface VariableUpdate {
  variable: number;
  /** Its position among the gradients that the optimizer was given. */
  position: number;
  /** Variables of the optimizer that belong to this one: Adam's two moments. */
  slots: number[];
  gradient: Source;
}

/** All updates of one call of an optimizer's `applyGradients`. */
export interface RecordedUpdate {
  kind: 'update';
  /** Number of the optimizer in `Recording.optimizers`. */
  optimizer: number;
  /** Variables of the optimizer that belong to all: Adam's two powers of its decay rates. */
  shared: number[];
  updates: VariableUpdate[];
  /** Whether it is momentum of Nesterov's kind. */
  nesterov: boolean;
  site: string;
}

/** A variable that the step assigned, before an update of it by an optimizer. */
export interface RecordedAssignment {
  kind: 'assign';
  variable: number;
  value: Source;
  site: string;
}

/** What a step does, in order. What its variables are assigned last is `Recording.assigned`. */
export type RecordedStepOp = RecordedOp | RecordedUpdate | RecordedAssignment;

/** A constant that JavaScript made during a step. */
export interface Constant {
  shape: number[];
  dtype: number;
  bytes: Uint8Array;
  site: string;
}

/** A training step as the TensorFlow ops it ran. */
export interface Recording {
  inputs: {shape: number[]; dtype: number}[];
  /** Numbers of the inputs that the step disposes of. */
  disposed: number[];
  ops: RecordedStepOp[];
  constants: Constant[];
  /** How often it fills a tensor with random numbers. */
  draws: number;
  /** Data of tensors from outside the step. */
  outside: {dataId: object; shape: number[]; dtype: number; site: string}[];
  variables: tf.Variable[];
  /** Where each variable's value comes from when the step ends. */
  assigned: Source[];
  optimizers: tf.Optimizer[];
  /** How often each optimizer counted a step. */
  iterations: number[];
  outputs: Source[];
  /** A flag on which all changes of variables depend: see `allFinite`. Without one they always happen. */
  condition?: Source;
  /** What the result is made of, around its tensors. */
  structure: string;
  /** How many variables it made, besides those that a fused update makes the first time. */
  madeVariables: number;
  /** What its optimizers held when it ended. */
  contents: unknown[];
}

/**
 * What a step leaves or returns that is computed from values before any of its updates: gradients, results and values
 * that variables are assigned.
 */
export function beforeAnyUpdate({ops, outputs, assigned}: Recording): Source[] {
  const late = new Set<number>();
  const isLate = (source: Source) =>
    source.from === 'variable' ? source.updates > 0 : source.from === 'op' && late.has(source.index);
  const found: Source[] = [];
  ops.forEach((op, i) => {
    if (op.kind !== 'op') found.push(...sourcesOfOp(op));
    else if (op.inputs.some(isLate)) late.add(i);
  });
  return [...found, ...outputs, ...assigned].filter(source => source.from === 'op' && !isLate(source));
}

/** The shape of a value, and TensorFlow's number of its type. */
export function kindOf(recording: Recording, source: Source): {shape: number[]; dtype: number} {
  switch (source.from) {
    case 'op':
      return (recording.ops[source.index] as RecordedOp).outputs[source.output]!;
    case 'input':
      return recording.inputs[source.index]!;
    case 'constant':
      return recording.constants[source.index]!;
    case 'outside':
      return recording.outside[source.index]!;
    case 'seeds':
      return {shape: [2], dtype: DTYPES.int32!};
    case 'variable': {
      const {shape, dtype} = recording.variables[source.index]!;
      return {shape, dtype: DTYPES[dtype]!};
    }
  }
}

/** All sources that a step uses, as often as it does. */
export function sourcesOf({ops, assigned, outputs, condition}: Recording): Source[] {
  return [...ops.flatMap(sourcesOfOp), ...assigned, ...outputs, ...(condition ? [condition] : [])];
}

function sourcesOfOp(op: RecordedStepOp): Source[] {
  switch (op.kind) {
    case 'op':
      return op.after ? [...op.inputs, op.after] : op.inputs;
    case 'update':
      return op.updates.map(({gradient}) => gradient);
    case 'assign':
      return [op.value];
  }
}

/** Why two recordings of a step are not the same step, or undefined if they are. */
export function difference(first: Recording, second: Recording): string | undefined {
  const {ops} = second;
  for (let i = 0; i < Math.min(first.ops.length, ops.length); i++) {
    const [before, now] = [first.ops[i]!, ops[i]!];
    const reason = before.kind === 'op' && now.kind === 'op' ? opDifference(before, now) : writeDifference(before, now);
    if (reason) return `${describeOp(second, i)} ${reason}${at(now.site)}`;
  }
  if (first.ops.length !== ops.length) {
    const extra = Math.min(first.ops.length, ops.length);
    const longer = first.ops.length > ops.length ? first : second;
    return (
      `it ran ${first.ops.length} ops, then ${ops.length}; ` +
      `the first too many is ${describeOp(longer, extra)}${at(longer.ops[extra]!.site)}`
    );
  }
  for (const [i, constant] of second.constants.entries()) {
    if (!sameConstant(first.constants[i], constant)) {
      return (
        `a constant of shape [${constant.shape.join()}] made in JavaScript changes from step to step: ` +
        `give it to the step as an input${at(constant.site)}`
      );
    }
  }
  for (const [i, tensor] of second.outside.entries()) {
    if (first.outside[i]?.dataId !== tensor.dataId) {
      return (
        `a tensor of shape [${tensor.shape.join()}] from outside is another one at every step: ` +
        `give it to the step as an input${at(tensor.site)}`
      );
    }
  }
  if (
    first.optimizers.length !== second.optimizers.length ||
    first.optimizers.some((o, i) => o !== second.optimizers[i])
  ) {
    return 'it uses other optimizers at every step';
  }
  if (second.madeVariables > 0) return 'it makes variables: make them before the first step, and assign them in it';
  const same = (name: 'assigned' | 'outputs' | 'condition') =>
    JSON.stringify(first[name]) === JSON.stringify(second[name]);
  if (first.variables.length !== second.variables.length || first.variables.some((v, i) => v !== second.variables[i])) {
    return 'it uses other variables at every step';
  }
  if (!same('condition')) return 'its changes depend on another op';
  if (!same('assigned')) return 'its variables end from another op';
  if (first.disposed.join() !== second.disposed.join()) return 'it disposes other inputs at every step';
  if (first.iterations.join() !== second.iterations.join()) return 'its optimizers count other numbers of steps';
  if (first.structure !== second.structure)
    return `it returns ${second.structure}, and ${first.structure} the step before`;
  return same('outputs') ? undefined : 'it returns the result of another op';
}

/** An op by its name, and the variable beside which it stands, which names the layer. */
export function describeOp({ops, variables}: Recording, index: number): string {
  const op = ops[index]!;
  if (op.kind === 'update') return 'an update by an optimizer';
  if (op.kind === 'assign') return `an assignment of ${variables[op.variable]!.name}`;
  const variable = op.inputs.find(input => input.from === 'variable');
  return variable ? `${op.name} with ${variables[variable.index]!.name}` : op.name;
}

/** A call site as the end of a sentence. */
export function at(site: string): string {
  return site && `, at ${site}`;
}

function opDifference(before: RecordedOp, now: RecordedOp): string | undefined {
  if (before.name !== now.name) return `stands where ${before.name} stood the step before`;
  const changed = now.attributes.find((one, i) => JSON.stringify(one) !== JSON.stringify(before.attributes[i]));
  if (changed || before.attributes.length !== now.attributes.length) {
    return `has another attribute ${changed?.name ?? ''} at every step`;
  }
  if (JSON.stringify(before.outputs) !== JSON.stringify(now.outputs)) return 'gives another shape at every step';
  const same = (name: 'inputs' | 'after') => JSON.stringify(before[name]) === JSON.stringify(now[name]);
  return same('inputs') && same('after') ? undefined : 'takes other inputs at every step';
}

function writeDifference(before: RecordedStepOp, now: RecordedStepOp): string | undefined {
  if (before.kind !== now.kind) return 'stands where another op stood the step before';
  const bare = (one: typeof now) => JSON.stringify({...one, site: undefined});
  return bare(before) === bare(now) ? undefined : 'changes from step to step';
}

function sameConstant(before: Constant | undefined, {shape, dtype, bytes}: Constant): boolean {
  return before?.dtype === dtype && before.shape.join() === shape.join() && Buffer.compare(before.bytes, bytes) === 0;
}
