import {copyFile, link, readdir, rename, rm} from 'node:fs/promises';
import {randomUUID} from 'node:crypto';
import {basename, join} from 'node:path';
import type {CheckpointContent, CheckpointHeader} from '../../training/checkpoint.js';
import {fileError} from '../system/files.js';
import {DamagedCheckpointError, readCheckpoint} from './checkpoint.js';

/** The newest checkpoint of a folder. */
export function newestIn(folder: string): string {
  return join(folder, 'checkpoint.bin');
}

/** The one of the best metric. */
export function bestIn(folder: string): string {
  return join(folder, 'checkpoint-best.bin');
}

/** One before the newest. */
export function earlierIn(folder: string, step: number): string {
  return join(folder, `checkpoint-${String(step).padStart(6, '0')}.bin`);
}

/** Those before the newest that are there, with their steps, the last one first. */
export async function listEarlier(folder: string): Promise<{file: string; step: number}[]> {
  const found = (await namesIn(folder)).flatMap(name => {
    const step = /^checkpoint-(\d+)\.bin$/.exec(name)?.[1];
    return step === undefined ? [] : [{file: join(folder, name), step: Number(step)}];
  });
  return found.sort((a, b) => b.step - a.step);
}

/** All checkpoints of a folder, in the order in which training goes on from them: the newest first, the best last. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  const names = new Set(await namesIn(folder));
  const present = (file: string) => (names.has(basename(file)) ? [file] : []);
  const earlier = (await listEarlier(folder)).map(({file}) => file);
  return [...present(newestIn(folder)), ...earlier, ...present(bestIn(folder))];
}

/** A checkpoint that is whole, and what was found of those after it. */
export interface FoundCheckpoint {
  file: string;
  content: CheckpointContent;
  /** Why each of those after it cannot be used. */
  damaged: {file: string; message: string}[];
}

/**
 * The newest checkpoint of a folder that is whole; undefined if there is none at all.
 *
 * @throws one line: all are torn or altered, or one cannot be read.
 */
export async function findCheckpoint(folder: string): Promise<FoundCheckpoint | undefined> {
  const damaged: FoundCheckpoint['damaged'] = [];
  for (const file of await listCheckpoints(folder)) {
    try {
      return {file, content: await readCheckpoint(file), damaged};
    } catch (error) {
      if (!(error instanceof DamagedCheckpointError)) throw error;
      damaged.push({file, message: error.message});
    }
  }
  if (damaged.length === 0) return undefined;
  const others = damaged.slice(1).map(({file}) => basename(file));
  throw new Error(damaged[0]!.message + (others.length > 0 ? `, and so are ${others.join(', ')}` : ''));
}

/** The step that a checkpoint is of. */
export function stepOf({counters, state}: CheckpointHeader): number {
  // `train` of 0.1 had it in the state alone.
  const step = counters?.step ?? (state as {step?: unknown} | null)?.step;
  return typeof step === 'number' ? step : 0;
}

/** Gives a file's content a second name, in place of what had it; a copy where the file system has no links. */
export async function alsoName(file: string, name: string): Promise<void> {
  const beside = `${name}.${randomUUID()}.tmp`;
  try {
    await link(file, beside).catch(() => copyFile(file, beside));
    await rename(beside, name);
  } catch (error) {
    throw fileError('write', name, error);
  } finally {
    // Still there also where both were names of one content already: then nothing is renamed.
    await rm(beside, {force: true}).catch(() => undefined);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw fileError('read', folder, error);
  });
}
