import {existsSync} from 'node:fs';
import {rmdir} from 'node:fs/promises';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import {removeFolders} from '../system/files.js';
import {privateFolder} from './options.js';
import {lockPackageFolder, nativeFolders, placedPackage} from './placed-package.js';
import {lockPrivateFolder, madeInPrivateFolder} from './private-folder.js';

/** What `removeTensorFlow` can be told. */
export interface RemoveOptions {
  /** The private folder. Default: the one this copy was set up from, or else the user's cache. */
  folder?: string;
  /** Told what is being waited for. Default: silence. */
  onProgress?: (line: string) => void;
}

const REMOVE_OPTIONS: OptionNames<RemoveOptions> = {folder: true, onProgress: true};

/**
 * Undoes `setUpTensorFlow`: removes the native package from this copy of tfjs-ragan and what setup fetched, which other
 * projects that were set up from the same folder then need to set up again. It waits for a setup that is at work.
 *
 * @returns what was removed; empty if nothing was there.
 */
export async function removeTensorFlow(options: RemoveOptions = {}): Promise<string[]> {
  requireKnownOptions('removeTensorFlow', options, REMOVE_OPTIONS);
  const {folder, onProgress = () => undefined} = options;
  const placed = await placedPackage();
  const from = folder === undefined && placed ? placed.from : privateFolder(folder);
  if (!existsSync(from)) return removeFromPackage(onProgress);
  const release = await lockPrivateFolder(from, onProgress);
  const removed = [];
  try {
    removed.push(...(await removeFromPackage(onProgress)));
    const made = await madeInPrivateFolder(from);
    await removeFolders(made);
    removed.push(...made);
  } finally {
    await release();
  }
  // A folder that holds anything else stays.
  await rmdir(from).catch(() => undefined);
  return removed;
}

async function removeFromPackage(onProgress: (line: string) => void): Promise<string[]> {
  // Where nothing is, nothing need be writable.
  if ((await nativeFolders({all: true})).length === 0) return [];
  const release = await lockPackageFolder(onProgress);
  try {
    const folders = await nativeFolders({all: true});
    await removeFolders(folders);
    return folders;
  } finally {
    await release();
  }
}
