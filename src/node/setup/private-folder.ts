import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError} from '../files.js';
import {holdLock} from './lock.js';

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

/** Removes what interrupted runs left in the private folder; only the holder of its lock has temporary folders. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const path of await madeInPrivateFolder(folder)) {
    const left = path.endsWith('.tmp')
      ? [path]
      : (await readdir(path)).filter(name => name.endsWith('.tmp')).map(name => join(path, name));
    for (const each of left) await rm(each, {recursive: true, force: true});
  }
}
