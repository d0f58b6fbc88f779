import {randomUUID} from 'node:crypto';
import {cp, readFile, readdir, rename, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError, replaceFolder} from '../system/files.js';
import {holdLock} from '../system/lock.js';
import {packageFolder} from './package-folder.cjs';

/** The native package that setup put in place for this copy of tfjs-ragan. */
export interface PlacedPackage {
  /** `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`. */
  name: string;
  /** Its folder. */
  folder: string;
  /** Whether it was set up for CUDA. */
  cuda: boolean;
  /** Version of TensorFlow, or "unknown". */
  version: string;
  /** The folder of TensorFlow's libraries. */
  tensorflow: string;
  /** Where setup keeps it: the private folder. */
  from: string;
}

/**
 * In this package's own folder: from there Node finds the same `@tensorflow/tfjs` as for this package itself, and
 * package managers, which look into `node_modules` only, let it be.
 */
let nativeFolder = () => join(packageFolder(), 'placed');

/** Makes this process look for the native package in another folder beside it, to try one before it is put in place. */
export function lookForPackageIn(folder: string): void {
  nativeFolder = () => folder;
}

/** The native package of this copy of tfjs-ragan, or undefined if none was set up (as in a bundle). */
export async function placedPackage(): Promise<PlacedPackage | undefined> {
  try {
    return located(JSON.parse(await readFile(join(nativeFolder(), 'setup.json'), 'utf8')) as PlacedRecord);
  } catch {
    return undefined;
  }
}

/** What is written down; the folder follows from where this package is, which may be moved. */
type PlacedRecord = Omit<PlacedPackage, 'folder'>;

function located(record: PlacedRecord): PlacedPackage {
  return {...record, folder: join(nativeFolder(), 'node_modules', record.name)};
}

/**
 * Keeps other setups out of this package's own folder; see `holdLock`.
 *
 * @throws one line if the folder cannot be written.
 */
export async function lockPackageFolder(onProgress: (line: string) => void): Promise<() => Promise<void>> {
  const folder = packageFolder();
  try {
    return await holdLock(join(folder, 'placed.lock'), onProgress);
  } catch (error) {
    throw new Error(
      `${fileError('write to', folder, error).message}; the binding belongs there: run setup as the owner of that ` +
        'folder, or install tfjs-ragan where you may write',
      {cause: error},
    );
  }
}

/**
 * Puts a copy of an installed npm package in place, with the packages it needs, in place of what was there.
 *
 * @param tried called with the copy while it lies beside its place; where it throws, what was there stays.
 */
export async function placePackage(
  installed: string,
  record: PlacedRecord,
  tried: (folder: string) => Promise<void>,
): Promise<PlacedPackage> {
  const beside = `${nativeFolder()}.${randomUUID()}.tmp`;
  try {
    await copyPackage(installed, record, beside);
    await tried(beside);
    await replaceFolder(nativeFolder(), folder => rename(beside, folder));
  } catch (error) {
    await rm(beside, {recursive: true, force: true});
    throw error;
  }
  return located(record);
}

async function copyPackage(installed: string, record: PlacedRecord, folder: string): Promise<void> {
  try {
    await cp(join(installed, 'node_modules'), join(folder, 'node_modules'), {recursive: true});
    await writeFile(join(folder, 'setup.json'), JSON.stringify(record, null, 2));
  } catch (error) {
    throw fileError('write', folder, error);
  }
}

/** What interrupted setups left beside the native package, and with `all` the native package as well. */
export async function nativeFolders({all}: {all: boolean}): Promise<string[]> {
  const names = await readdir(packageFolder());
  const ours = names.filter(name => (all && name === 'placed') || /^placed\..*\.(tmp|old)$/.test(name));
  return ours.map(name => join(packageFolder(), name));
}
