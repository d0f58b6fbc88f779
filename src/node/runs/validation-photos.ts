import {relative, sep} from 'node:path';
import type {ValidationPhoto} from './evaluation.js';
import {validationPhoto} from './evaluation.js';
import type {PhotoFile} from '../photos/pairs.js';
import {highOf} from '../photos/pairs.js';
import {inWords, learnedFrom, measuredOn, truthIn} from './photo-folders.js';
import type {RunPhotos} from './photos.js';
import type {TrainSettings} from './settings.js';

/** The photos that a run is measured on, and which of them it must not learn from. */
export interface ValidationPhotos {
  photos: ValidationPhoto[];
  /** Photos to learn from that are kept for this. */
  heldOut: PhotoFile[];
  /** In words: how many, from where, and whether the run learns from them too. */
  description: string;
  /** For a run that is resumed, to go on with the same. */
  choice: ValidationChoice;
}

/** Which photos were chosen. */
export interface ValidationChoice {
  /** The setting whose folder they are in, where `'data'` is of `pairs` too. */
  from: 'data' | 'validation';
  /** Their paths from there, with slashes. */
  names: string[];
  /** Whether they are held out of training. */
  heldOut: boolean;
}

/** At most so many photos, and so much of the middle of each. */
const PHOTOS = 6;
const CROP = 384;

/** Without a folder of their own, one photo of so many is held out. */
const HELD_OUT_ONE_OF = 10;

const HELD_OUT = ', held out of training';
const LEARNED_TOO =
  ' that are learned from too, so the scores flatter; ' +
  `with ${HELD_OUT_ONE_OF} photos some are held out, --validation names others`;

/** Before any photo is chosen. */
export const NOTHING_CHOSEN: ValidationPhotos = {
  photos: [],
  heldOut: [],
  description: '',
  choice: {from: 'data', names: [], heldOut: false},
};

/**
 * Chooses and reads the photos to measure a run on: those it was measured on `before`, or else the first of `validation`,
 * or else a tenth of `data`, spread over the folder and held out of training. Where that is less than one photo, they are
 * photos that the run learns from.
 *
 * @throws one line if no photo can be used.
 */
export async function validationPhotos(
  settings: TrainSettings,
  listed: RunPhotos,
  onWarning: (message: string) => void,
  before?: ValidationChoice,
): Promise<ValidationPhotos> {
  const validation = measuredOn(settings);
  const [from, folders, files] =
    validation !== undefined && listed.validation
      ? (['validation', validation, listed.validation] as const)
      : (['data', learnedFrom(settings), listed.data] as const);
  const folder = truthIn(folders);
  const kept = before?.from === from ? chosenBefore(before, folder, files, onWarning) : undefined;
  const {candidates, count, heldOut} = kept ?? choose(from, files);
  const {photos, used} = await read(candidates, count, settings.scale, onWarning);
  const chosen = kept ? candidates : used;
  return {
    photos,
    heldOut: heldOut ? chosen : [],
    description: `${photos.length} of ${inWords(folders)}${from === 'validation' ? '' : heldOut ? HELD_OUT : LEARNED_TOO}`,
    // What is gone for now may come back, and is then not to be learned from.
    choice: kept && before ? before : {from, names: chosen.map(file => nameIn(folder, file)), heldOut},
  };
}

/** The photos to try, in their order, and how many of them to use. */
interface Candidates {
  candidates: PhotoFile[];
  count: number;
  heldOut: boolean;
}

function choose(from: 'data' | 'validation', files: PhotoFile[]): Candidates {
  const count = Math.min(PHOTOS, Math.floor(files.length / HELD_OUT_ONE_OF));
  if (from === 'data' && count > 0) return {candidates: spread(files), count, heldOut: true};
  return {candidates: files, count: PHOTOS, heldOut: false};
}

/** Those that a run was measured on before, as far as they are there; undefined where none is. */
function chosenBefore(
  {names, heldOut}: ValidationChoice,
  folder: string,
  files: PhotoFile[],
  onWarning: (message: string) => void,
): Candidates | undefined {
  const byName = new Map(files.map(file => [nameIn(folder, file), file]));
  const candidates = names.flatMap(name => byName.get(name) ?? []);
  const gone = names.filter(name => !byName.has(name));
  if (candidates.length === 0) {
    onWarning(`none of the photos measured on so far is in ${folder}, so others are: ${gone.join(', ')}`);
    return undefined;
  }
  if (gone.length > 0) onWarning(`measured on so far, and not in ${folder} any more: ${gone.join(', ')}`);
  return {candidates, count: candidates.length, heldOut};
}

/** A photo's path from the folder, with slashes. */
function nameIn(folder: string, photo: PhotoFile): string {
  return relative(folder, highOf(photo)).split(sep).join('/');
}

/** Reads the first of them that can be used. */
async function read(
  files: PhotoFile[],
  count: number,
  scale: number,
  onWarning: (message: string) => void,
): Promise<{photos: ValidationPhoto[]; used: PhotoFile[]}> {
  const photos: ValidationPhoto[] = [];
  const used: PhotoFile[] = [];
  for (const file of files) {
    if (photos.length >= count) break;
    try {
      photos.push(await validationPhoto(file, scale, CROP));
      used.push(file);
    } catch (error) {
      onWarning(`skipping a photo: ${(error as Error).message}`);
    }
  }
  if (photos.length === 0) throw new Error('no validation photo can be used');
  return {photos, used};
}

/** Every tenth first, then those beside them, and so on: a folder's neighbours are often of one scene. */
function spread(files: PhotoFile[]): PhotoFile[] {
  return Array.from({length: HELD_OUT_ONE_OF}, (_, offset) =>
    files.filter((_, i) => i % HELD_OUT_ONE_OF === offset),
  ).flat();
}
