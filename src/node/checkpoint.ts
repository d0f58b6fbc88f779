import * as tf from '@tensorflow/tfjs';
import {readFile} from 'node:fs/promises';
import {fileError, writeFileAtomically} from './files.js';

/** What training goes on from: weights and optimizer states by position, and whatever else the run must remember. */
export interface Checkpointed {
  models: Record<string, tf.LayersModel>;
  optimizers: Record<string, tf.Optimizer>;
}

interface Entry {
  owner: string;
  name: string;
  shape: number[];
  dtype: tf.DataType;
}

interface Header {
  version: 1;
  state: unknown;
  entries: Entry[];
}

const MAGIC = 'TFRAGAN1';

/**
 * Writes models, optimizers and `state` (anything JSON can hold) as one file that appears whole or not at all, so that
 * a run killed at any moment finds the last one intact.
 *
 * @throws one line naming the file if it cannot be written.
 */
export async function saveCheckpoint(file: string, {models, optimizers}: Checkpointed, state: unknown): Promise<void> {
  const entries: Entry[] = [];
  const parts: Uint8Array[] = [];
  const add = async (owner: string, name: string, tensor: tf.Tensor) => {
    // A copy: on some backends the values are a view that moves.
    const values = (await tensor.data()).slice();
    entries.push({owner, name, shape: tensor.shape, dtype: tensor.dtype});
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const [owner, model] of Object.entries(models)) {
    for (const weight of model.weights) await add(owner, weight.originalName, weight.read());
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const [iterations, ...moments] = await optimizer.getWeights();
    for (const {name, tensor} of [...(iterations ? [iterations] : []), ...moments]) await add(owner, name, tensor);
    // The count of iterations is made for this call, the moments are the optimizer's own.
    iterations?.tensor.dispose();
  }
  const header = Buffer.from(JSON.stringify({version: 1, state, entries} satisfies Header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  await writeFileAtomically(file, Buffer.concat([Buffer.from(MAGIC), length, header, ...parts]));
}

/**
 * Reads only the `state` of a checkpoint.
 *
 * @throws one line naming the file: missing, damaged, or no checkpoint.
 */
export async function readCheckpointState(file: string): Promise<unknown> {
  return (await parse(file)).header.state;
}

/**
 * Puts a checkpoint's weights and optimizer states into models and optimizers built as they were. Nothing changes unless
 * everything fits.
 *
 * @throws one line naming the file: missing, damaged, or of other models.
 */
export async function loadCheckpoint(file: string, {models, optimizers}: Checkpointed): Promise<void> {
  const {header, values} = await parse(file);
  const of = (owner: string) =>
    header.entries.flatMap((entry, i) => (entry.owner === owner ? [{entry, values: values[i]!}] : []));
  for (const [owner, model] of Object.entries(models)) {
    const shapes = of(owner).map(({entry}) => entry.shape.join());
    if (shapes.join(' ') !== model.weights.map(weight => weight.shape.join()).join(' ')) {
      throw new Error(`cannot resume from ${file}: its ${owner} is another network than the one asked for`);
    }
  }
  for (const [owner, model] of Object.entries(models)) {
    const tensors = of(owner).map(({entry, values: data}) => tf.tensor(data, entry.shape, entry.dtype));
    model.weights.forEach((weight, i) => weight.write(tensors[i]!));
    tf.dispose(tensors);
  }
  for (const [owner, optimizer] of Object.entries(optimizers)) {
    const tensors = of(owner).map(({entry, values: data}) => ({
      name: entry.name,
      tensor: tf.tensor(data, entry.shape, entry.dtype),
    }));
    // An optimizer that has not stepped yet has no moments to set.
    if (tensors.length > 1) await optimizer.setWeights(tensors);
    tf.dispose(tensors.map(({tensor}) => tensor));
  }
}

async function parse(file: string): Promise<{header: Header; values: tf.TypedArray[]}> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw fileError('read the checkpoint', file, error);
  }
  try {
    if (content.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new Error('it is not a checkpoint');
    const begin = MAGIC.length + 4;
    let offset = begin + content.readUInt32LE(MAGIC.length);
    const header = JSON.parse(content.toString('utf8', begin, offset)) as Header;
    const values = header.entries.map(({shape, dtype}) => {
      const bytes = tf.util.sizeFromShape(shape) * 4;
      if (offset + bytes > content.length) throw new Error('it is cut short');
      const data = new Uint8Array(content.subarray(offset, offset + bytes)).buffer;
      offset += bytes;
      return dtype === 'int32' ? new Int32Array(data) : new Float32Array(data);
    });
    return {header, values};
  } catch (error) {
    throw fileError('read the checkpoint', file, error);
  }
}
