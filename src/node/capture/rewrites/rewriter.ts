import type {Attribute} from '../binding.js';
import {ATTRIBUTE, DTYPES} from '../binding.js';
import type {RecordedOp, RecordedStepOp, Recording, Source} from '../recording.js';
import {sourcesOf} from '../recording.js';

const FLOAT = DTYPES.float32!;

/**
 * What gives the same as one output of an op, the only one that is used, by other ops; undefined where the op stays. The
 * sources are those of `graph`, which takes the ops.
 */
export type Rule = (op: RecordedOp, graph: Rewriter, output: number) => Source | undefined;

/** Rules by the name of the op that each replaces. */
export type Rules = Partial<Record<string, Rule>>;

/** The step with rules applied to its ops in turn. Ops that nothing uses then stay; TensorFlow does not run them. */
export function rewrite(recording: Recording, rules: Rules): Recording {
  return new Rewriter(recording).rewrite(rules);
}

type ConstantSource = Extract<Source, {from: 'constant'}>;

/** A recording on the way: its ops so far, by their new numbers, and those that a rule adds. */
export class Rewriter {
  private readonly ops: RecordedStepOp[] = [];
  private readonly constants: Recording['constants'];
  /** Where the outputs of each op are now: those of the op of this number, or the only one that is used at this source. */
  private readonly places: (number | Source)[] = [];
  /** How often each output of the recording is used, by op and output. */
  private readonly usesBefore: number[][];
  /** The same by the new numbers, but for ops that a rule added on the way to its result. */
  private readonly usesNow: number[][] = [];
  private site = '';

  constructor(private readonly recording: Recording) {
    this.constants = [...recording.constants];
    this.usesBefore = recording.ops.map(op => (op.kind === 'op' ? op.outputs.map(() => 0) : []));
    for (const source of sourcesOf(recording)) {
      if (source.from === 'op') this.usesBefore[source.index]![source.output]!++;
    }
  }

  rewrite(rules: Rules): Recording {
    const {recording} = this;
    const moved = (source: Source) => this.moved(source);
    for (const [index, op] of recording.ops.entries()) {
      this.site = op.site;
      if (op.kind === 'op') {
        this.places.push(this.place(op, this.usesBefore[index]!, rules[op.name]));
      } else if (op.kind === 'assign') {
        this.places.push(this.push({...op, value: moved(op.value)}, []));
      } else {
        const updates = op.updates.map(update => ({...update, gradient: moved(update.gradient)}));
        this.places.push(this.push({...op, updates}, []));
      }
    }
    return {
      ...recording,
      ops: this.ops,
      constants: this.constants,
      assigned: recording.assigned.map(moved),
      outputs: recording.outputs.map(moved),
      ...(recording.condition && {condition: moved(recording.condition)}),
    };
  }

  /** The op that computes a value. */
  producer(source: Source): RecordedOp | undefined {
    const op = source.from === 'op' ? this.ops[source.index] : undefined;
    return op?.kind === 'op' ? op : undefined;
  }

  /** Whether the op that is being looked at is all that uses a value of the recording. */
  isUsedOnce(source: Source): boolean {
    return source.from === 'op' && this.usesNow[source.index]?.[source.output] === 1;
  }

  shape(source: Source): number[] {
    const {inputs, outside, variables} = this.recording;
    switch (source.from) {
      case 'op':
        return this.producer(source)!.outputs[source.output]!.shape;
      case 'input':
        return inputs[source.index]!.shape;
      case 'constant':
        return this.constants[source.index]!.shape;
      case 'outside':
        return outside[source.index]!.shape;
      case 'seeds':
        return [2];
      case 'variable':
        return variables[source.index]!.shape;
    }
  }

  /** Adds an op on float32 values, with one output. */
  add(name: string, inputs: Source[], shape: number[], attributes: Attribute[] = []): Source {
    const type: Attribute = {name: 'T', type: ATTRIBUTE.type, value: FLOAT};
    const all = [...attributes.filter(({name}) => name !== 'T'), type];
    const outputs = [{shape, dtype: FLOAT}];
    return {
      from: 'op',
      index: this.push({kind: 'op', name, attributes: all, inputs, outputs, site: this.site}, []),
      output: 0,
    };
  }

  reshape(source: Source, shape: number[]): Source {
    return this.add('Reshape', [source, this.integers(shape)], shape);
  }

  /** Swaps the axes of a value, as `tf.transpose`. */
  transpose(source: Source, order: number[]): Source {
    const shape = this.shape(source);
    return this.add(
      'Transpose',
      [source, this.integers(order)],
      order.map(axis => shape[axis]!),
    );
  }

  integers(values: number[]): Source {
    return this.constant(DTYPES.int32!, [values.length], Int32Array.from(values));
  }

  vector(values: number[]): ConstantSource {
    return this.constant(FLOAT, [values.length], Float32Array.from(values));
  }

  /** A matrix, row by row. */
  matrix(rows: number[][]): Source {
    return this.constant(FLOAT, [rows.length, rows[0]!.length], Float32Array.from(rows.flat()));
  }

  private constant(dtype: number, shape: number[], {buffer}: Int32Array | Float32Array): ConstantSource {
    const index = this.constants.push({shape, dtype, bytes: new Uint8Array(buffer), site: this.site}) - 1;
    return {from: 'constant', index};
  }

  private place(op: RecordedOp, uses: number[], rule: Rule | undefined): number | Source {
    const inputs = op.inputs.map(source => this.moved(source));
    const here = {...op, inputs, ...(op.after && {after: this.moved(op.after)})};
    const used = uses.flatMap((count, output) => (count > 0 ? [output] : []));
    const replaced = used.length === 1 ? rule?.(here, this, used[0]!) : undefined;
    if (replaced?.from === 'op') this.usesNow[replaced.index]![replaced.output] = uses[used[0]!]!;
    return replaced ?? this.push(here, uses);
  }

  private push(op: RecordedStepOp, uses: number[]): number {
    this.usesNow.push(uses);
    return this.ops.push(op) - 1;
  }

  private moved(source: Source): Source {
    if (source.from !== 'op') return source;
    const place = this.places[source.index]!;
    return typeof place === 'number' ? {...source, index: place} : place;
  }
}
