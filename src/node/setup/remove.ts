import {existsSync} from 'node:fs';
import {rm, rmdir} from 'node:fs/promises';
import {fileError} from '../files.js';
import {privateFolder} from './options.js';
import {lockPackageFolder, placedPackage, removeNativeFolders} from './placed-package.js';
import {lockPrivateFolder, madeInPrivateFolder} from './private-folder.js';

/**
 * Undoes `setUpTensorFlow`: removes the native package from this copy of tfjs-ragan and what setup fetched, which other
 * projects that were set up from the same folder then need to set up again. It waits for a setup that is at work.
 *
 * @param options.folder the private folder. Default: the one this copy was set up from, or else the user's cache.
 * @param options.onProgress told what is being waited for. Default: silence.
 * @returns what was removed; empty if nothing was there.
 */
export async function removeTensorFlow({
  folder,
  onProgress = () => undefined,
}: {folder?: string; onProgress?: (line: string) => void} = {}): Promise<string[]> {
  const placed = await placedPackage();
  const from = folder === undefined && placed ? placed.from : privateFolder(folder);
  if (!existsSync(from)) return removeFromPackage(onProgress);
  const release = await lockPrivateFolder(from, onProgress);
  const removed = [];
  try {
    removed.push(...(await removeFromPackage(onProgress)));
    for (const path of await madeInPrivateFolder(from)) {
      await rm(path, {recursive: true, force: true}).catch((error: unknown) => {
        throw fileError('remove', path, error);
      });
      removed.push(path);
    }
  } finally {
    await release();
  }
  // A folder that holds anything else stays.
  await rmdir(from).catch(() => undefined);
  return removed;
}

async function removeFromPackage(onProgress: (line: string) => void): Promise<string[]> {
  const release = await lockPackageFolder(onProgress);
  try {
    return await removeNativeFolders({all: true});
  } finally {
    await release();
  }
}
