import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError} from '../system/files.js';
import {holdLock} from '../system/lock.js';

/** Everything that setup makes in the private folder, except its lock, has such a name. */
const OURS = /^tensorflow-(cpu|cuda|installed)-/;

/** Keeps other setups out of the private folder, which must exist; see `holdLock`. */
export async function lockPrivateFolder(folder: string, onProgress: (line: string) => void) {
  try {
    return await holdLock(join(folder, 'setup.lock'), onProgress);
  } catch (error) {
    throw fileError('write to', folder, error);
  }
}

/** The paths of what setup made in the private folder. */
export async function madeInPrivateFolder(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter(name => OURS.test(name)).map(name => join(folder, name));
}

/** What interrupted runs left in the private folder; only the holder of its lock has temporary folders. */
export async function leftovers(folder: string): Promise<string[]> {
  const left: string[] = [];
  for (const path of await madeInPrivateFolder(folder)) {
    if (path.endsWith('.tmp')) left.push(path);
    else left.push(...(await readdir(path)).filter(name => name.endsWith('.tmp')).map(name => join(path, name)));
  }
  return left;
}
