import {randomUUID} from 'node:crypto';
import {mkdir, rename, rm, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';

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
};

/** An error about a file in one line: what could not be done with which path, and why. */
export function fileError(action: string, path: string, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new Error(`cannot ${action} ${path}: ${reason.split('\n')[0]}`, {cause});
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
  try {
    for (const {path, data, beside} of written) {
      await naming(path, async () => {
        await mkdir(dirname(path), {recursive: true});
        await writeFile(beside, data);
      });
    }
    for (const {path, beside} of written) await naming(path, () => rename(beside, path));
  } catch (error) {
    // What cannot be removed either must not hide the reason.
    for (const {beside} of written) await rm(beside, {force: true}).catch(() => undefined);
    throw error;
  }
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
      await mkdir(beside, {recursive: true});
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
