import * as tf from '@tensorflow/tfjs';
import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import type {CheckpointContent, Checkpointed, CheckpointHeader} from '../../training/checkpoint.js';
import {putCheckpoint, takeCheckpoint, trainedOf} from '../../training/checkpoint.js';
import type {GAN} from '../../training/gan.js';
import {fileError, writeFileAtomically} from '../system/files.js';

/** A file begins with this, the SHA-256 of what follows, and the length of the header. */
const MAGIC = 'TFRAGAN1';
const DIGEST_LENGTH = 32;

/** Thrown for a checkpoint that is torn, altered or none: the one before it may be whole. */
export class DamagedCheckpointError extends Error {}

/**
 * Writes a GAN, or models and optimizers, and `state` (anything JSON can hold) as one file that appears whole or not at all,
 * on the disk before this resolves, so that a run killed at any moment finds the last one intact.
 *
 * @throws one line naming the file if it cannot be written, or if a weight or state holds NaN or Infinity; then what was
 *   there before is still there.
 * @example
 * await saveCheckpoint('run/checkpoint.bin', gan, {photos: 'my-photos'});
 */
export async function saveCheckpoint(file: string, trained: GAN | Checkpointed, state: unknown): Promise<void> {
  await writeCheckpoint(file, await takeCheckpoint(file, trained, state));
}

/** Writes a checkpoint as `saveCheckpoint` does. */
export async function writeCheckpoint(file: string, {header, values}: CheckpointContent): Promise<void> {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const tensors = values.map(({buffer, byteOffset, byteLength}) => new Uint8Array(buffer, byteOffset, byteLength));
  const content = [length, text, ...tensors];
  await writeFileAtomically(file, Buffer.concat([Buffer.from(MAGIC), digest(content), ...content]));
}

/**
 * Reads only the `state` of a checkpoint: what `saveCheckpoint` was given, as JSON brings it back.
 *
 * @throws one line naming the file: missing, damaged, or no checkpoint.
 * @example
 * const {photos} = (await readCheckpointState('run/checkpoint.bin')) as {photos: string};
 */
export async function readCheckpointState(file: string): Promise<unknown> {
  return (await readCheckpoint(file)).header.state;
}

/**
 * Puts a checkpoint's weights, optimizer states and counters into a GAN built and compiled as that one was, or into models
 * and optimizers built and named as those were. Nothing changes unless everything fits.
 *
 * @throws one line naming the file: missing, damaged, of NaN or Infinity, or of other models or optimizers.
 * @example
 * await loadCheckpoint('run/checkpoint.bin', gan);
 * console.log(`going on after step ${gan.step}`);
 */
export async function loadCheckpoint(file: string, trained: GAN | Checkpointed): Promise<void> {
  trainedOf('loadCheckpoint', trained);
  await putCheckpoint(file, trained, await readCheckpoint(file));
}

function digest(parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** @throws a `DamagedCheckpointError` if it is no checkpoint, damaged or cut short, another error if it cannot be read. */
export async function readCheckpoint(file: string): Promise<CheckpointContent> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    const told = fileError('read the checkpoint', file, error);
    // A part of the disk that cannot be read any more.
    if ((error as NodeJS.ErrnoException).code === 'EIO') throw new DamagedCheckpointError(told.message, {cause: error});
    throw told;
  }
  const reject = (reason: string) => new DamagedCheckpointError(`cannot read the checkpoint ${file}: ${reason}`);
  if (content.toString('latin1', 0, MAGIC.length) !== MAGIC) throw reject('it is not a checkpoint');
  const body = content.subarray(MAGIC.length + DIGEST_LENGTH);
  if (!content.subarray(MAGIC.length, MAGIC.length + DIGEST_LENGTH).equals(digest([body]))) {
    throw reject('it is damaged or cut short');
  }
  let offset = 4 + body.readUInt32LE(0);
  const header = JSON.parse(body.toString('utf8', 4, offset)) as CheckpointHeader;
  const values = header.entries.map(({shape, dtype}) => {
    const bytes = tf.util.sizeFromShape(shape) * 4;
    const data = new Uint8Array(body.subarray(offset, offset + bytes)).buffer;
    offset += bytes;
    return dtype === 'int32' ? new Int32Array(data) : new Float32Array(data);
  });
  return {header, values};
}
