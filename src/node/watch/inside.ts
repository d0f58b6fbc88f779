import {constants} from 'node:fs';
import type {FileHandle} from 'node:fs/promises';
import {open, realpath} from 'node:fs/promises';
import {join, sep} from 'node:path';

/**
 * Opens a file of a run to read it; undefined if there is none, or if a link leads out of the run's folder.
 *
 * @param names the way to it from the folder; names, not paths.
 */
export async function openInside(folder: string, ...names: string[]): Promise<FileHandle | undefined> {
  const path = await pathInside(folder, ...names);
  if (path === undefined) return undefined;
  // It is the real path: a link that takes its place now is not followed.
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(() => undefined);
  if ((await file?.stat())?.isFile()) return file;
  await file?.close();
  return undefined;
}

/** The real path of something in a run's folder; undefined if it is not there, or outside of the folder. */
export async function pathInside(folder: string, ...names: string[]): Promise<string | undefined> {
  if (names.some(name => name === '' || name === '.' || name === '..' || /[\\/\0]/.test(name))) return undefined;
  try {
    const [top, path] = await Promise.all([realpath(folder), realpath(join(folder, ...names))]);
    return path.startsWith(top.endsWith(sep) ? top : top + sep) ? path : undefined;
  } catch {
    return undefined;
  }
}
