import {realpath} from 'node:fs/promises';
import {join, relative, sep} from 'node:path';
import {listReadableImages} from '../photos/files.js';
import type {PhotoFile} from '../photos/pairs.js';
import {highOf, matchPairs, requireScaleOfPairs} from '../photos/pairs.js';
import {isRunFolder} from './folder.js';
import type {PhotoFolders} from './photo-folders.js';
import {inWords, learnedFrom, measuredOn} from './photo-folders.js';
import type {TrainSettings} from './settings.js';

/** The photos of a run's folders. */
export interface RunPhotos {
  /** Those that may be learned from. */
  data: PhotoFile[];
  /** Those of `validation`, where it is given. */
  validation?: PhotoFile[];
}

/**
 * Lists the photos of a run. None is both learned from and in `validation`, and what runs have made is no photo.
 *
 * @throws one line: a folder is missing, cannot be read, or holds no photo to use; or the sides of a pair are not of the scale.
 */
export async function listRunPhotos(
  settings: Pick<TrainSettings, 'data' | 'pairs' | 'validation' | 'out' | 'scale'>,
  onWarning: (message: string) => void,
): Promise<RunPhotos> {
  const {scale, out} = settings;
  const data = learnedFrom(settings);
  const validation = measuredOn(settings);
  const all = await listPhotosOrPairs(data, scale, onWarning, out);
  if (validation === undefined) return {data: all};
  const measured = await listPhotosOrPairs(validation, scale, onWarning, out);
  const theirs = new Set(await Promise.all(measured.map(photo => realpath(highOf(photo)))));
  const others: PhotoFile[] = [];
  for (const photo of all) if (!theirs.has(await realpath(highOf(photo)))) others.push(photo);
  const [learned, kept] = [inWords(data), inWords(validation)];
  if (others.length === 0) {
    throw new Error(
      `every photo of ${settings.pairs ? '--pairs' : '--data'} ${learned} is in --validation ${kept} too: name a folder with others, ` +
        'or leave --validation out, and a tenth is held out',
    );
  }
  const left = all.length - others.length;
  if (left > 0) onWarning(`${left} of ${all.length} photos in ${learned} are not learned from: they are in ${kept}`);
  return {data: others, validation: measured};
}

/** `listPhotos`, or the pairs of two folders' photos, each of them of the scale. */
export async function listPhotosOrPairs(
  folders: PhotoFolders,
  scale: number,
  onWarning: (message: string) => void,
  out?: string,
): Promise<PhotoFile[]> {
  if (typeof folders === 'string') return listPhotos(folders, onWarning, out);
  const low = await listPhotos(folders.low, onWarning, out);
  const high = await listPhotos(folders.high, onWarning, out);
  const pairs = matchPairs(folders, {low, high}, scale, onWarning);
  await requireScaleOfPairs(pairs, scale);
  return pairs;
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
