import {cp, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError, replaceFolder} from '../files.js';
import {packageFolder} from './package-folder.cjs';

/** The native package that setup put in place for this copy of tfjs-ragan. */
export interface PlacedPackage {
  /** `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`. */
  name: string;
  /** Its folder. */
  folder: string;
  cuda: boolean;
  /** Version of TensorFlow, and the folder of its libraries. */
  version: string;
  tensorflow: string;
  /** Where setup keeps it: the private folder. */
  from: string;
}

/**
 * In this package's own folder: from there Node finds the same `@tensorflow/tfjs` as for this package itself, and
 * package managers, which look into `node_modules` only, let it be.
 */
const nativeFolder = () => join(packageFolder(), 'native');

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

/** Puts a copy of an installed npm package in place, with the packages it needs; replaces what was there. */
export async function placePackage(installed: string, record: PlacedRecord): Promise<PlacedPackage> {
  await replaceFolder(nativeFolder(), async folder => {
    await cp(join(installed, 'node_modules'), join(folder, 'node_modules'), {recursive: true});
    await writeFile(join(folder, 'setup.json'), JSON.stringify(record, null, 2));
  });
  return located(record);
}

/** Removes the native package from this copy of tfjs-ragan. */
export async function removePlacedPackage(): Promise<void> {
  try {
    await rm(nativeFolder(), {recursive: true, force: true});
  } catch (error) {
    throw fileError('remove', nativeFolder(), error);
  }
}
