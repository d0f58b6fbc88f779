import {randomUUID} from 'node:crypto';
import {closeSync, openSync, rmSync} from 'node:fs';
import {mkdir, mkdtemp, open, rename, rm, rmdir, stat, writeFile} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {beforeEnd} from './before-end.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'part of the path is not a folder',
  EEXIST: 'a file of that name is in the way',
  EISDIR: 'it is a folder',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EFBIG: 'it would be larger than the file system or a limit (ulimit -f) allows',
  EIO: 'the disk reports an error',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
};

/** An error about a file in one line: what could not be done with which path, and why. */
export function fileError(action: string, path: string, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new Error(`cannot ${action} ${path}: ${reason.split('\n')[0]}`, {cause});
}

/** Whether two paths lead to one file, by links too; false if either leads to none. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map(path => stat(path, {bigint: true}).catch(() => undefined)));
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

/** Removes folders with all that is in them. @throws one line naming the path and the reason. */
export async function removeFolders(paths: string[]): Promise<void> {
  for (const path of paths) {
    await rm(path, {recursive: true, force: true}).catch((error: unknown) => {
      throw fileError('remove', path, error);
    });
  }
}

/**
 * Makes a folder and those above it that are missing; returns the topmost one made. Not `mkdir` with `recursive`, which
 * never ends in a file system that says a folder's parent is missing when it is there, as /proc does.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  let folder = resolve(path);
  for (; !(await isFolder(folder)); folder = dirname(folder)) missing.unshift(folder);
  for (const one of missing) {
    await mkdir(one).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new Error(`no folder can be made in ${dirname(one)}`, {cause: error});
      // Another process may have been faster.
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return missing[0];
}

/** Whether a folder is there; false if nothing is. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && path !== dirname(path)) return false;
    throw error;
  }
  throw Object.assign(new Error(`${path} is a file`), {code: 'EEXIST'});
}

/**
 * Refuses a folder in which no file could be written, and leaves nothing behind.
 *
 * @throws one line naming the folder and the reason.
 */
export async function requireWritableFolder(path: string): Promise<void> {
  let made: string | undefined;
  try {
    made = await makeFolder(path);
    await rmdir(await mkdtemp(join(path, '.writable-')));
  } catch (error) {
    throw fileError('write into', path, error);
  } finally {
    if (made !== undefined) await removeEmptyFolders(path, made);
  }
}

/** Removes a folder and those above it up to `topmost`, as far as they are empty. */
export async function removeEmptyFolders(path: string, topmost: string): Promise<void> {
  for (let folder = resolve(path); folder.length >= topmost.length; folder = dirname(folder)) {
    await rmdir(folder).catch(() => undefined);
  }
}

/** Whether a file's name is one that a file has beside its place: those of a killed process stay there. */
export function isTemporary(name: string): boolean {
  return /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name);
}

/**
 * Writes a file beside its place and renames it there, so that nobody ever sees half of it; makes its folder.
 *
 * @throws one line naming the path and the reason; then what was there before is still there.
 */
export async function writeFileAtomically(path: string, data: string | Uint8Array): Promise<void> {
  await writeFilesAtomically([[path, data]]);
}

/** `writeFileAtomically` for files that belong together: none is put in its place before all are written. */
export async function writeFilesAtomically(
  files: (readonly [path: string, data: string | Uint8Array])[],
): Promise<void> {
  const written = files.map(([path, data]) => ({path, data, beside: `${path}.${randomUUID()}.tmp`}));
  const folders = new Set(written.map(({path}) => dirname(resolve(path))));
  const takeBack = beforeEnd(() => written.forEach(({beside}) => rmSync(beside, {force: true})));
  try {
    for (const {path, data, beside} of written) {
      await naming(path, async () => {
        const topmost = await makeFolder(dirname(path));
        // The names of the folders that were made are in those above them.
        for (
          let folder = dirname(resolve(path));
          topmost && folder.length >= topmost.length;
          folder = dirname(folder)
        ) {
          folders.add(dirname(folder));
        }
        // Made at once: an opening under way while the process ends would make it after it was removed.
        closeSync(openSync(beside, 'wx'));
        // Onto the disk before it takes its place: else a power failure may leave an empty file there.
        await writeFile(beside, data, {flag: 'r+', flush: true});
      });
    }
    for (const {path, beside} of written) await naming(path, () => rename(beside, path));
    for (const folder of folders) await syncFolder(folder);
  } catch (error) {
    // What cannot be removed either must not hide the reason.
    for (const {beside} of written) await rm(beside, {force: true}).catch(() => undefined);
    throw error;
  } finally {
    takeBack();
  }
}

/** Has the names in a folder on the disk, so that a power failure undoes no rename; where the system can. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path).catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/**
 * Fills a folder beside its place with `fill` and puts it there in place of what was there before.
 *
 * @throws one line naming the path and the reason; then what was there before is still there.
 */
export async function replaceFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const [beside, old] = [`${path}.${randomUUID()}.tmp`, `${path}.${randomUUID()}.old`];
  try {
    await naming(path, async () => {
      await makeFolder(beside);
      await fill(beside);
      await rename(path, old).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      await rename(beside, path);
    });
  } catch (error) {
    await rename(old, path).catch(() => undefined);
    await rm(beside, {recursive: true, force: true}).catch(() => undefined);
    throw error;
  }
  await rm(old, {recursive: true, force: true});
}

async function naming(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw fileError('write', path, error);
  }
}
