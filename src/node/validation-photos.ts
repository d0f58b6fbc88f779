import type {ValidationPhoto} from './evaluation.js';
import {validationPhoto} from './evaluation.js';
import {listReadableImages} from './image-files.js';
import type {TrainSettings} from './train-settings.js';

/** The photos that a run is measured on, and which of them it must not learn from. */
export interface ValidationPhotos {
  photos: ValidationPhoto[];
  /** Files of the training folder that are kept for this. */
  heldOut: string[];
  /** In words: how many, from where, and whether the run learns from them too. */
  description: string;
}

/** At most so many photos, and so much of the middle of each. */
const PHOTOS = 6;
const CROP = 384;

/** Without a folder of their own, one photo of so many is held out. */
const HELD_OUT_ONE_OF = 10;

/**
 * Chooses and reads the photos to measure a run on: the first of `validation`, or else a tenth of `data`, spread over the
 * folder and held out of training. Where that is less than one photo, they are photos that the run learns from.
 *
 * @param files the photos of `data`.
 * @throws one line if no photo can be used.
 */
export async function validationPhotos(
  {data, validation, scale}: TrainSettings,
  files: string[],
  onWarning: (message: string) => void,
): Promise<ValidationPhotos> {
  const photos: ValidationPhoto[] = [];
  const collect = async (candidates: string[], count: number) => {
    for (const file of candidates) {
      if (photos.length >= count) break;
      try {
        photos.push(await validationPhoto(file, scale, CROP));
      } catch (error) {
        onWarning(`skipping a photo: ${(error as Error).message}`);
      }
    }
    if (photos.length === 0) throw new Error('no validation photo can be used');
  };
  if (validation !== undefined) {
    await collect(await listReadableImages(validation, onWarning), PHOTOS);
    return {photos, heldOut: [], description: `${photos.length} of ${validation}`};
  }
  const count = Math.min(PHOTOS, Math.floor(files.length / HELD_OUT_ONE_OF));
  if (count > 0) {
    await collect(spread(files), count);
    const description = `${photos.length} of ${data}, held out of training`;
    return {photos, heldOut: photos.map(({file}) => file), description};
  }
  await collect(files, PHOTOS);
  const description =
    `${photos.length} of ${data} that are learned from too, so the scores flatter; ` +
    `with ${HELD_OUT_ONE_OF} photos some are held out, --validation names others`;
  return {photos, heldOut: [], description};
}

/** Every tenth first, then those beside them, and so on: a folder's neighbours are often of one scene. */
function spread(files: string[]): string[] {
  return Array.from({length: HELD_OUT_ONE_OF}, (_, offset) =>
    files.filter((_, i) => i % HELD_OUT_ONE_OF === offset),
  ).flat();
}
