import {access, mkdir, readFile, rm, rmdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError} from './files.js';

/** Where a run keeps what it makes. */
export interface RunFolder {
  path: string;
  model: string;
  checkpoint: string;
  log: string;
  report: string;
  summary: string;
  samples: string;
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
  const checkpoint = join(path, 'checkpoint.bin');
  const log = join(path, 'log.jsonl');
  const holdsCheckpoint = await exists(checkpoint);
  if (resume && !holdsCheckpoint) {
    throw new Error(`nothing to resume in ${path}: it holds no checkpoint.bin; leave --resume out to start a run`);
  }
  if (!resume && (holdsCheckpoint || (await exists(log)))) {
    throw new Error(`${path} already holds a run: add --resume to go on with it, or choose another folder with --out`);
  }
  const lock = join(path, 'run.lock');
  let made: string | undefined;
  try {
    made = await mkdir(path, {recursive: true});
    await takeLock(lock);
  } catch (error) {
    throw fileError('use the run folder', path, error);
  }
  return {
    path,
    model: join(path, 'model'),
    checkpoint,
    log,
    report: join(path, 'report.html'),
    summary: join(path, 'summary.json'),
    samples: join(path, 'samples'),
    release: async () => {
      await rm(lock, {force: true});
      // A run that failed before it wrote anything leaves no folder behind; one that holds something stays.
      if (made !== undefined) await rmdir(path).catch(() => undefined);
    },
  };
}

async function takeLock(lock: string): Promise<void> {
  try {
    await writeFile(lock, String(process.pid), {flag: 'wx'});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const holder = Number(await readFile(lock, 'utf8'));
    if (isRunning(holder)) throw new Error(`the run with process number ${holder} is using it`, {cause: error});
    // Its run was killed.
    await writeFile(lock, String(process.pid));
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
