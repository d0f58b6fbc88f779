import {access, readFile, rm, writeFile} from 'node:fs/promises';
import {hostname} from 'node:os';
import {join, resolve} from 'node:path';
import {fileError, makeFolder, removeEmptyFolders} from './files.js';

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
  const checkpoint = checkpointIn(path);
  const log = join(path, 'log.jsonl');
  const release = await lockFolder(path);
  try {
    if (resume) await requireCheckpoint(path);
    else if ((await exists(checkpoint)) || (await exists(log))) {
      throw new Error(
        `${path} already holds a run: add --resume to go on with it, or choose another folder with --out`,
      );
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    path,
    model: join(path, 'model'),
    checkpoint,
    log,
    report: join(path, 'report.html'),
    summary: join(path, 'summary.json'),
    samples: join(path, 'samples'),
    release,
  };
}

/** The checkpoint of a run's folder; throws one line if it has none. */
export async function requireCheckpoint(path: string): Promise<string> {
  const checkpoint = checkpointIn(path);
  if (await exists(checkpoint)) return checkpoint;
  throw new Error(`nothing to resume in ${path}: it holds no checkpoint.bin; leave --resume out to start a run`);
}

function checkpointIn(path: string): string {
  return join(path, 'checkpoint.bin');
}

/** The locks of this process, which its number in a file does not tell from those of one before it. */
const held = new Set<string>();

/** Makes and locks a folder; returns what unlocks it. */
async function lockFolder(path: string): Promise<() => Promise<void>> {
  const lock = resolve(path, 'run.lock');
  let made: string | undefined;
  let taken = false;
  const release = async () => {
    if (taken) await rm(lock, {force: true});
    if (taken) held.delete(lock);
    taken = false;
    // A run that failed before it wrote anything leaves no folder behind; one that holds something stays.
    if (made !== undefined) await removeEmptyFolders(path, made);
  };
  try {
    made = await makeFolder(path);
    await takeLock(lock);
    taken = true;
  } catch (error) {
    await release();
    throw fileError('use the run folder', path, error);
  }
  return release;
}

/** What a lock says of its holder: the number of its process, and the machine or container that the number is of. */
const OWN_LOCK = `${process.pid} ${hostname()}`;

async function takeLock(lock: string): Promise<void> {
  let holder: string | undefined;
  try {
    await writeFile(lock, OWN_LOCK, {flag: 'wx'});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      // On a full disk the file is there, and empty.
      await rm(lock, {force: true}).catch(() => undefined);
      throw error;
    }
    holder = await readFile(lock, 'utf8');
  }
  if (holder !== undefined) {
    const [pid, host = hostname()] = holder.trim().split(' ');
    const elsewhere = host !== hostname();
    if (held.has(lock) || elsewhere || isRunning(Number(pid))) {
      const where = elsewhere ? ` on ${host}` : '';
      throw new Error(`the run with process number ${pid}${where} is using it; if there is none, remove ${lock}`);
    }
    // Its run was killed.
    await writeFile(lock, OWN_LOCK);
  }
  held.add(lock);
}

/** Whether a process of this machine runs. */
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
