import * as tf from '@tensorflow/tfjs';
import type {Attribute} from './binding.js';
import {ATTRIBUTE, DTYPES} from './binding.js';
import type {Recording, Source} from './recording.js';

/** What random numbers a tensor was filled with: z * scale + offset, z from a standard distribution. */
export interface Draw {
  op: 'StatelessRandomUniform' | 'StatelessRandomNormal' | 'StatelessTruncatedNormal';
  scale: number;
  offset: number;
}

/** The ops of tfjs that draw, in the order of its scopes. */
const SCOPES = new Set(['randomNormal__op', 'truncatedNormal__op', 'randomUniform__op']);

/** A generator of tfjs, which fills a tensor. */
type Generator = {nextValue(): number} & (
  {mean: number; stdDev: number; truncated: boolean} | {min: number; range: number}
);

let prototypes: (Generator | undefined)[] | undefined;

/**
 * The prototypes of tfjs's generators of normal and of uniform numbers. It exports neither, so they are found by what both
 * assign to themselves as they are made, `this.random`. Where another version of tfjs does not, there are none.
 */
function generators(): (Generator | undefined)[] {
  const prototypeIn = (draw: () => tf.Tensor) => {
    let found: Generator | undefined;
    Object.defineProperty(Object.prototype, 'random', {
      configurable: true,
      set(this: object, value: unknown) {
        found = Object.getPrototypeOf(this) as Generator;
        Object.defineProperty(this, 'random', {value, configurable: true, enumerable: true, writable: true});
      },
    });
    try {
      tf.tidy(() => void draw());
    } finally {
      Reflect.deleteProperty(Object.prototype, 'random');
    }
    return found;
  };
  prototypes ??= [
    prototypeIn(() => tf.randomNormal([1], 0, 1, 'float32', 1)),
    prototypeIn(() => tf.randomUniform([1], 0, 1, 'float32', 1)),
  ];
  return prototypes;
}

/** Watches tfjs draw random numbers, and tells for data that it makes whether they are such. */
export class DrawWatch {
  /** Of the op that runs: whether it was given no seed, and what it draws from. */
  private isUnseeded = false;
  private generator: Generator | undefined;

  /** Begins to watch; returns how to end it. */
  attach(): () => void {
    const undo = generators().map(prototype => this.watchGenerator(prototype));
    const {random} = Math;
    Math.random = () => {
      if (SCOPES.has(currentScope())) {
        this.isUnseeded = true;
        this.generator = undefined;
      }
      return random();
    };
    return () => {
      Math.random = random;
      undo.forEach(one => one());
    };
  }

  /** What the data are that the op which runs has just made; undefined if no random numbers, or those of a seed. */
  ofNewData(dtype: tf.DataType): Draw | undefined {
    const {generator, isUnseeded} = this;
    this.generator = undefined;
    this.isUnseeded = false;
    if (!SCOPES.has(currentScope()) || !isUnseeded || !generator) return undefined;
    if ('stdDev' in generator) {
      const op = generator.truncated ? 'StatelessTruncatedNormal' : 'StatelessRandomNormal';
      return {op, scale: generator.stdDev, offset: generator.mean};
    }
    // Whole numbers are cut off towards zero.
    if (dtype === 'int32' && !(Number.isInteger(generator.min) && generator.min >= 0)) return undefined;
    return {op: 'StatelessRandomUniform', scale: generator.range, offset: generator.min};
  }

  private watchGenerator(prototype: Generator | undefined): () => void {
    if (!prototype) return () => undefined;
    const original: unknown = Reflect.get(prototype, 'nextValue');
    const draws = (generator: Generator) => (this.generator = generator);
    prototype.nextValue = function (this: Generator) {
      draws(this);
      return (original as () => number).call(this);
    };
    return () => void Object.assign(prototype, {nextValue: original});
  }
}

function currentScope(): string {
  return (tf.engine().state as {activeScope?: {name: string} | null}).activeScope?.name ?? '';
}

const {float32: FLOAT, int32: INT} = DTYPES as {float32: number; int32: number};

/**
 * Writes down random numbers as ops of TensorFlow that draw them anew each time, from the seeds of the call and their own
 * number in the step.
 */
export function recordDraw(
  recording: Recording,
  {op, scale, offset}: Draw,
  shape: number[],
  dtype: number,
  site: string,
): Source {
  const add = (
    name: string,
    inputs: Source[],
    shape: number[],
    dtype: number,
    types: Record<string, number>,
  ): Source => {
    const attributes = Object.entries(types).map(([name, value]): Attribute => ({name, type: ATTRIBUTE.type, value}));
    const index = recording.ops.push({kind: 'op', name, attributes, inputs, outputs: [{shape, dtype}], site}) - 1;
    return {from: 'op', index, output: 0};
  };
  const constant = (shape: number[], values: Int32Array | Float32Array): Source => {
    const dtype = values instanceof Int32Array ? INT : FLOAT;
    const index = recording.constants.push({shape, dtype, bytes: new Uint8Array(values.buffer), site}) - 1;
    return {from: 'constant', index};
  };
  const seeds = add('AddV2', [{from: 'seeds'}, constant([2], Int32Array.of(recording.draws++, 0))], [2], INT, {T: INT});
  const math = (name: string, ...inputs: Source[]) => add(name, inputs, shape, FLOAT, {T: FLOAT});
  const number = (value: number) => constant([], Float32Array.of(value));
  const drawn = add(op, [constant([shape.length], Int32Array.from(shape)), seeds], shape, FLOAT, {
    dtype: FLOAT,
    T: INT,
    Tseed: INT,
  });
  const scaled = scale === 1 ? drawn : math('Mul', drawn, number(scale));
  const moved = (value: Source) => (offset === 0 ? value : math('AddV2', value, number(offset)));
  if (dtype === FLOAT) return moved(scaled);
  // Rounded normal numbers, and uniform ones below their limit.
  const whole =
    op === 'StatelessRandomUniform'
      ? moved(math('Floor', scaled))
      : math('Floor', math('AddV2', moved(scaled), number(0.5)));
  return add('Cast', [whole], shape, INT, {SrcT: FLOAT, DstT: INT});
}
