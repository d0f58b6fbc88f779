import {randomUUID} from 'node:crypto';
import {readFileSync, unlinkSync} from 'node:fs';
import type {FileHandle} from 'node:fs/promises';
import {open, readFile, rename, rm, stat, writeFile} from 'node:fs/promises';
import {onePerProcess} from '../../one-per-process.js';
import {isProcess, thisProcess} from '../system/process-identity.js';
import {beforeEnd} from '../system/before-end.js';
import {fileError} from '../system/files.js';
import {holdLock} from '../system/lock.js';

/** A lock that this process holds. */
export interface RunLock {
  /** Throws one line if the lock is gone or another's by now: whoever writes on would write over another run. */
  require: () => Promise<void>;
  release: () => Promise<void>;
}

/** How often the holder shows that it lives, and how long one on another machine may be silent, in milliseconds. */
const BEAT = 10_000;
const SILENCE = 5 * 60_000;

/** The locks of this process, which its number in a file does not tell from those of one before it. */
const held = onePerProcess('runLocks', () => new Set<string>());

/**
 * Takes a lock: a file that says which process holds it, and that the process writes anew every ten seconds. One whose
 * holder was killed is taken over: at once where its processes can be seen from here, and otherwise, on another machine or
 * in another container, once it has not been written for five minutes by the clock of the disk it is on.
 *
 * @param path the file, absolute; its folder must exist.
 * @throws one line if another run holds it: which, when it was alive last, and how to go on without it.
 */
export async function takeRunLock(path: string): Promise<RunLock> {
  const content = thisProcess();
  const beside = `${path}.${randomUUID()}.tmp`;
  // One at a time looks whether the lock is free and takes it.
  const settle = await holdLock(`${path}.taking`, () => undefined);
  let file: FileHandle | undefined;
  try {
    await writeFile(beside, content);
    await requireFree(path, beside);
    file = await open(beside, 'r+');
    // Whole, or not at all: nobody ever sees an empty one.
    await rename(beside, path);
  } catch (error) {
    await file?.close();
    // What cannot be removed either must not hide the reason.
    await rm(beside, {force: true}).catch(() => undefined);
    throw error;
  } finally {
    await settle();
  }
  held.add(path);
  return keep(path, file, content);
}

/** Whether a run holds the lock, as far as it can be seen from here; changes nothing. */
export async function isRunLockHeld(path: string): Promise<boolean> {
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === undefined) return false;
  const holder = isProcess(content);
  if (holder !== 'out of sight') return holder === 'this one' ? held.has(path) : holder === 'running';
  const {mtimeMs} = await stat(path).catch(() => ({mtimeMs: 0}));
  return Date.now() - mtimeMs < SILENCE;
}

function keep(path: string, file: FileHandle, content: string): RunLock {
  // Written, not touched: that sets the time by the clock of the disk, which all who see the file have in common.
  const heart = setInterval(() => void file.write(content, 0).catch(() => undefined), BEAT).unref();
  const remove = () => {
    try {
      if (readFileSync(path, 'utf8') === content) unlinkSync(path);
    } catch {
      // It is gone, with its folder perhaps.
    }
  };
  const takeBack = beforeEnd(remove);
  return {
    require: async () => {
      const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        // Also where a file has taken the place of the folder.
        if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw fileError('read', path, error);
      });
      if (found === content) return;
      const state = found === undefined ? 'was removed' : "is another run's by now";
      throw new Error(`${path} ${state}: this run stops, so as to write over nothing`);
    },
    release: async () => {
      clearInterval(heart);
      takeBack();
      await file.close();
      remove();
      held.delete(path);
    },
  };
}

/** @param beside a file that was written just now, on the same disk. */
async function requireFree(path: string, beside: string): Promise<void> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (content === undefined) return;
  const [pid, host] = content.trim().split(' ');
  const refuse = (where: string, rest: string) => {
    throw new Error(`the run with process number ${pid}${where} is using it; if there is none, remove ${path}${rest}`);
  };
  const holder = isProcess(content);
  if (holder === 'this one' ? held.has(path) : holder === 'running') refuse('', '');
  if (holder !== 'out of sight') return;
  const silent = (await stat(beside)).mtimeMs - (await stat(path)).mtimeMs;
  if (silent > SILENCE) return;
  refuse(
    ` on ${host}`,
    ` (its last sign of life is ${Math.max(0, Math.round(silent / 1000))} s old; without one for ${SILENCE / 60_000} minutes it counts as gone)`,
  );
}
