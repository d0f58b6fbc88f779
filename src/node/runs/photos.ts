import {realpath} from 'node:fs/promises';
import {join, relative, sep} from 'node:path';
import {listReadableImages} from '../photos/files.js';
import {isRunFolder} from './folder.js';
import type {TrainSettings} from './settings.js';

/** The photos of a run's folders, by path. */
export interface RunPhotos {
  /** Those of `data` that may be learned from. */
  data: string[];
  /** Those of `validation`, where there is such a folder. */
  validation?: string[];
}

/**
 * Lists the photos of a run. None is both learned from and in `validation`, and what runs have made is no photo.
 *
 * @throws one line: a folder is missing, cannot be read, or holds no photo to use.
 */
export async function listRunPhotos(
  {data, validation, out}: Pick<TrainSettings, 'data' | 'validation' | 'out'>,
  onWarning: (message: string) => void,
): Promise<RunPhotos> {
  const all = await listPhotos(data, onWarning, out);
  if (validation === undefined) return {data: all};
  const measured = await listPhotos(validation, onWarning, out);
  const theirs = new Set(await Promise.all(measured.map(file => realpath(file))));
  const others: string[] = [];
  for (const file of all) if (!theirs.has(await realpath(file))) others.push(file);
  if (others.length === 0) {
    throw new Error(
      `every photo of --data ${data} is in --validation ${validation} too: name a folder with others, ` +
        'or leave --validation out, and a tenth is held out',
    );
  }
  const left = all.length - others.length;
  if (left > 0) onWarning(`${left} of ${all.length} photos in ${data} are not learned from: they are in ${validation}`);
  return {data: others, validation: measured};
}

/**
 * `listReadableImages` without what runs have made: without the folders of runs, of which it warns, and where the folder is
 * itself one, without the sample sheets in it.
 *
 * @param out the folder of a run that is about to begin.
 */
export async function listPhotos(
  folder: string,
  onWarning: (message: string) => void,
  out?: string,
): Promise<string[]> {
  const outThere = out === undefined ? undefined : await realpath(out).catch(() => undefined);
  const known = new Map<string, boolean>();
  const isRun = async (path: string) => {
    const isOne = known.get(path) ?? ((await isRunFolder(path)) || (await realpath(path)) === outThere);
    known.set(path, isOne);
    return isOne;
  };
  /** The folder of a run that made the file, if one did. */
  const madeIn = async (file: string): Promise<string | undefined> => {
    let path = folder;
    const below = relative(folder, file).split(sep).slice(0, -1);
    if (below[0] === 'samples' && (await isRun(folder))) return join(folder, 'samples');
    for (const name of below) {
      path = join(path, name);
      if (await isRun(path)) return path;
    }
    return undefined;
  };
  const isMade = async (file: string) => (await isRun(folder)) || (await madeIn(file)) !== undefined;
  const files = await listReadableImages(folder, onWarning, isMade);
  const photos: string[] = [];
  const made = new Map<string, number>();
  for (const file of files) {
    const run = await madeIn(file);
    if (run === undefined) photos.push(file);
    else made.set(run, (made.get(run) ?? 0) + 1);
  }
  for (const [run, count] of made)
    onWarning(`leaving out ${count} pictures in ${run}: a training run keeps its own there`);
  if (photos.length === 0) throw new Error(`no photo in the folder ${folder}: its pictures are those of training runs`);
  return photos;
}
