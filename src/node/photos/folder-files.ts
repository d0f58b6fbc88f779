import type {Dirent} from 'node:fs';
import {readdir, realpath, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError} from '../system/files.js';

/**
 * The files in a folder and the folders below it, those behind symbolic links included, each once: one that several paths
 * lead to has the path without a link, or the first. Hidden files and folders are left out, and so is what is no file.
 *
 * @throws one line naming the folder that is missing, is none, or cannot be read.
 */
export async function filesInFolder(folder: string): Promise<string[]> {
  const files: string[] = [];
  const links: string[] = [];
  /** The real paths of the files and folders that are done. */
  const done = new Set<string>();
  const walk = async (path: string) => {
    const {real, entries} = await read(path);
    if (done.has(real)) return;
    done.add(real);
    for (const entry of entries) {
      const below = join(path, entry.name);
      if (entry.name.startsWith('.')) continue;
      if (entry.isSymbolicLink()) links.push(below);
      if (entry.isDirectory()) await walk(below);
      if (!entry.isFile() || done.has(join(real, entry.name))) continue;
      done.add(join(real, entry.name));
      files.push(below);
    }
  };
  await walk(folder);
  // There are more of them as the folders behind them are read.
  for (const link of links) {
    const target = await stat(link).catch(() => undefined);
    if (target?.isDirectory()) await walk(link);
    if (!target?.isFile()) continue;
    const real = await realpath(link);
    if (!done.has(real)) files.push(link);
    done.add(real);
  }
  return files.sort();
}

async function read(folder: string): Promise<{real: string; entries: Dirent[]}> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder');
    const entries = await readdir(folder, {withFileTypes: true});
    return {real: await realpath(folder), entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1))};
  } catch (error) {
    throw fileError('read the folder', folder, error);
  }
}
