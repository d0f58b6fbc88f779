import {access, readdir, rm} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {fileError, isTemporary, makeFolder, removeEmptyFolders} from '../system/files.js';
import {listCheckpoints, newestIn} from './checkpoint-files.js';
import type {RunLock} from './lock.js';
import {takeRunLock} from './lock.js';

/** Where a run keeps what it makes. */
export interface RunFolder {
  path: string;
  model: string;
  /** The model of the best checkpoint, where a run keeps that. */
  bestModel: string;
  /** What the generator is made of, where it is another than the settings say. */
  network: string;
  checkpoint: string;
  log: string;
  report: string;
  summary: string;
  samples: string;
  /** Throws one line if the folder, or its lock, is not this run's any more. */
  requireLock: () => Promise<void>;
  /** Lets others use the folder again. */
  release: () => Promise<void>;
}

/**
 * Takes a folder for a run, so that no second run writes into it.
 *
 * @throws one line: another run is using it, it already holds a run (and `resume` is false) or holds none (and it is
 *   true), or it cannot be written.
 */
export async function takeRunFolder(path: string, {resume}: {resume: boolean}): Promise<RunFolder> {
  const log = join(path, 'log.jsonl');
  const lock = await lockFolder(path);
  try {
    const hasCheckpoint = (await listCheckpoints(path)).length > 0;
    if (resume && !hasCheckpoint) throw nothingToResume(path);
    if (!resume && (hasCheckpoint || (await exists(log)))) {
      throw new Error(
        `${path} already holds a run: add --resume to go on with it, or choose another folder with --out`,
      );
    }
    await removeLeftovers(path);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    path,
    model: join(path, 'model'),
    bestModel: join(path, 'best'),
    network: join(path, 'network.json'),
    checkpoint: newestIn(path),
    log,
    report: join(path, 'report.html'),
    summary: join(path, 'summary.json'),
    samples: join(path, 'samples'),
    requireLock: lock.require,
    release: lock.release,
  };
}

/** That a folder holds no checkpoint. */
export function nothingToResume(path: string): Error {
  return new Error(`nothing to resume in ${path}: it holds no checkpoint.bin; leave --resume out to start a run`);
}

/** Whether a folder holds a run, one that is under way or has ended. */
export async function isRunFolder(path: string): Promise<boolean> {
  const has = (name: string) => exists(join(path, name));
  if ((await has('run.lock')) || (await exists(newestIn(path)))) return true;
  return (await has('log.jsonl')) && (await has('summary.json'));
}

/** Makes and locks a folder. */
async function lockFolder(path: string): Promise<RunLock> {
  let made: string | undefined;
  // A run that failed before it wrote anything leaves no folder behind; one that holds something stays.
  const removeMade = async () => {
    if (made !== undefined) await removeEmptyFolders(path, made);
  };
  try {
    made = await makeFolder(path);
    const lock = await takeRunLock(resolve(path, 'run.lock'));
    return {...lock, release: () => lock.release().then(removeMade)};
  } catch (error) {
    await removeMade();
    throw fileError('use the run folder', path, error);
  }
}

/** Removes what a run that was killed left half-written. */
async function removeLeftovers(path: string): Promise<void> {
  for (const folder of [path, join(path, 'model'), join(path, 'samples')]) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter(isTemporary)) await rm(join(folder, name), {force: true});
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
