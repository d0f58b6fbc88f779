import type {PhotoPair} from '../photos/pairs.js';
import type {TrainSettings} from './settings.js';

/** Where photos are: a folder, or two of them whose files are pairs. */
export type PhotoFolders = string | PhotoPair;

/** The folders that a run learns from. */
export function learnedFrom({data, pairs}: Pick<TrainSettings, 'data' | 'pairs'>): PhotoFolders {
  return pairs ? {low: pairs[0], high: pairs[1]} : data!;
}

/** The folders of photos to measure on, where the settings name some. */
export function measuredOn({validation}: Pick<TrainSettings, 'validation'>): PhotoFolders | undefined {
  return typeof validation === 'object' ? {low: validation[0], high: validation[1]} : validation;
}

/** The folder of the photos themselves, which those of a low resolution are made of or taken beside. */
export function truthIn(folders: PhotoFolders): string {
  return typeof folders === 'string' ? folders : folders.high;
}

/** Folders as a sentence has them. */
export function inWords(folders: PhotoFolders): string {
  return typeof folders === 'string' ? folders : `${folders.low} and ${folders.high}`;
}
