import * as tf from '@tensorflow/tfjs';
import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {NonFiniteError, firstNonFinite} from '../../finite.js';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import {fileError, writeFileAtomically} from '../system/files.js';

/** What training goes on from, by names of your own. */
export interface Checkpointed {
  /** Their weights are kept, by position. */
  models: Record<string, tf.LayersModel>;
  /** What they have accumulated is kept; learning rates are not. */
  optimizers: Record<string, tf.Optimizer>;
}

const CHECKPOINTED: OptionNames<Checkpointed> = {models: true, optimizers: true};

interface Entry {
  owner: string;
  name: string;
  shape: number[];
  dtype: tf.DataType;
}

interface Header {
  state: unknown;
  /** The optimizers' class names. */
  optimizers: Record<string, string>;
  entries: Entry[];
}

/** A file begins with this, the SHA-256 of what follows, and the length of the header. */
const MAGIC = 'TFRAGAN1';
const DIGEST_LENGTH = 32;

/** Powers of beta that Adam and Adamax multiply up step by step; computed anew, as they do it, their last bits differ. */
const POWERS = ['accBeta1', 'accBeta2'] as const;

/**
 * Writes models, optimizers and `state` (anything JSON can hold) as one file that appears whole or not at all, so that
 * a run killed at any moment finds the last one intact.
 *
 * @throws one line naming the file if it cannot be written, or if a weight or state holds NaN or Infinity; then what was
 *   there before is still there.
 * @example
 * const optimizer = tf.train.adam(1e-4);
 * await saveCheckpoint('run/checkpoint.bin', {models: {generator}, optimizers: {optimizer}}, {step: 100});
 */
export async function saveCheckpoint(file: string, trained: Checkpointed, state: unknown): Promise<void> {
  requireKnownOptions('saveCheckpoint', trained, CHECKPOINTED);
  const {models, optimizers} = trained;
  const entries: Entry[] = [];
  const parts: Uint8Array[] = [];
  const add = async (owner: string, name: string, tensor: tf.Tensor) => {
    // A copy: on some backends the values are a view that moves.
    const values = (await tensor.data()).slice();
    const bad = firstNonFinite(values);
    if (bad !== undefined) {
      const found = `${owner}'s ${name} holds ${bad}`;
      throw new NonFiniteError(`cannot write ${file}: ${found}`, found);
    }
    entries.push({owner, name, shape: tensor.shape, dtype: tensor.dtype});
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const [owner, model] of Object.entries(models)) {
    for (const weight of model.weights) await add(owner, weight.originalName, weight.read());
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const [iterations, ...moments] = await optimizer.getWeights();
    try {
      for (const {name, tensor} of [...(iterations ? [iterations] : []), ...moments]) await add(owner, name, tensor);
    } finally {
      // The count of iterations is made for this call, the moments are the optimizer's own.
      iterations?.tensor.dispose();
    }
    for (const [name, power] of powersOf(optimizer)) await add(`${owner} powers`, name, power);
  }
  const classNames = Object.entries(optimizers).map(([owner, optimizer]) => [owner, optimizer.getClassName()] as const);
  const header = Buffer.from(
    JSON.stringify({state, optimizers: Object.fromEntries(classNames), entries} satisfies Header),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const content = [length, header, ...parts];
  await writeFileAtomically(file, Buffer.concat([Buffer.from(MAGIC), digest(content), ...content]));
}

/**
 * Reads only the `state` of a checkpoint: what `saveCheckpoint` was given, as JSON brings it back.
 *
 * @throws one line naming the file: missing, damaged, or no checkpoint.
 * @example
 * const {step} = (await readCheckpointState('run/checkpoint.bin')) as {step: number};
 */
export async function readCheckpointState(file: string): Promise<unknown> {
  return (await parse(file)).header.state;
}

/**
 * Puts a checkpoint's weights and optimizer states into models and optimizers built as they were, and named as they were.
 * Nothing changes unless everything fits.
 *
 * @throws one line naming the file: missing, damaged, of NaN or Infinity, or of other models or optimizers.
 * @example
 * const optimizer = tf.train.adam(1e-4);
 * await loadCheckpoint('run/checkpoint.bin', {models: {generator}, optimizers: {optimizer}});
 */
export async function loadCheckpoint(file: string, trained: Checkpointed): Promise<void> {
  requireKnownOptions('loadCheckpoint', trained, CHECKPOINTED);
  const {models, optimizers} = trained;
  const {header, values} = await parse(file);
  header.entries.forEach(({owner, name}, i) => {
    const bad = firstNonFinite(values[i]!);
    if (bad !== undefined) throw new Error(`cannot resume from ${file}: ${owner}'s ${name} holds ${bad}`);
  });
  const of = (owner: string) =>
    header.entries.flatMap((entry, i) => (entry.owner === owner ? [{entry, values: values[i]!}] : []));
  for (const [owner, model] of Object.entries(models)) {
    const shapes = of(owner).map(({entry}) => entry.shape.join());
    if (shapes.join(' ') !== model.weights.map(weight => weight.shape.join()).join(' ')) {
      throw new Error(`cannot resume from ${file}: its ${owner} is another network than the one asked for`);
    }
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    if (header.optimizers[owner] !== optimizer.getClassName()) {
      throw new Error(
        `cannot resume from ${file}: its ${owner} is ${header.optimizers[owner] ?? 'missing'}, not ${optimizer.getClassName()}`,
      );
    }
  }
  const tensorsOf = (owner: string) =>
    of(owner).map(({entry, values: data}) => ({
      name: entry.name,
      tensor: tf.tensor(data, entry.shape, entry.dtype),
    }));
  for (const [owner, model] of Object.entries(models)) {
    const saved = tensorsOf(owner);
    model.weights.forEach((weight, i) => weight.write(saved[i]!.tensor));
    tf.dispose(saved.map(({tensor}) => tensor));
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const saved = tensorsOf(owner);
    // An optimizer that has not stepped yet has no moments to set.
    if (saved.length > 1) await optimizer.setWeights(saved);
    const powers = tensorsOf(`${owner} powers`);
    powersOf(optimizer).forEach(([, power], i) => power.assign(powers[i]!.tensor));
    tf.dispose([...saved, ...powers].map(({tensor}) => tensor));
  }
}

function powersOf(optimizer: tf.Optimizer): [string, tf.Variable][] {
  return POWERS.flatMap(name => {
    const power = (optimizer as unknown as Partial<Record<typeof name, tf.Variable>>)[name];
    return power instanceof tf.Variable ? [[name, power] satisfies [string, tf.Variable]] : [];
  });
}

function digest(parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

async function parse(file: string): Promise<{header: Header; values: tf.TypedArray[]}> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw fileError('read the checkpoint', file, error);
  }
  const reject = (reason: string) => fileError('read the checkpoint', file, new Error(reason));
  if (content.toString('latin1', 0, MAGIC.length) !== MAGIC) throw reject('it is not a checkpoint');
  const body = content.subarray(MAGIC.length + DIGEST_LENGTH);
  if (!content.subarray(MAGIC.length, MAGIC.length + DIGEST_LENGTH).equals(digest([body]))) {
    throw reject('it is damaged or cut short');
  }
  let offset = 4 + body.readUInt32LE(0);
  const header = JSON.parse(body.toString('utf8', 4, offset)) as Header;
  const values = header.entries.map(({shape, dtype}) => {
    const bytes = tf.util.sizeFromShape(shape) * 4;
    const data = new Uint8Array(body.subarray(offset, offset + bytes)).buffer;
    offset += bytes;
    return dtype === 'int32' ? new Int32Array(data) : new Float32Array(data);
  });
  return {header, values};
}
