import {basename, dirname, extname, join, relative} from 'node:path';
import type {OptionNames} from '../../options.js';
import {imageSize} from './decode.js';
import type {PictureSize} from './pixels.js';

/** Two pictures of one scene, or two folders of them: the low-resolution side of a high-resolution one. */
export interface PhotoPair {
  /** Path of the small picture, or of the folder of these. */
  low: string;
  /** Path of the large one: as many times larger as the scale says, to the pixel. */
  high: string;
}

/** Their names. */
export const PHOTO_PAIR: OptionNames<PhotoPair> = {low: true, high: true};

/** A photo to learn from or to measure on: its file, or both files where its low-resolution side is one too. */
export type PhotoFile = string | PhotoPair;

/** The file of a photo's high-resolution side. */
export function highOf(photo: PhotoFile): string {
  return typeof photo === 'string' ? photo : photo.high;
}

/** As many unmatched files are named. */
const MOST_NAMED = 3;

/** As many files are looked at side by side. */
const AT_ONCE = 16;

/**
 * Pairs the files of two folders: those whose paths from their folders are equal but for the extension, and but for an `x4` at
 * the end of the small one's name, where 4 is the scale, as the published data sets have it. What has no partner is warned of.
 *
 * @throws one line: two files of a folder have one name, or no file has a partner.
 */
export function matchPairs(
  folders: PhotoPair,
  files: {low: string[]; high: string[]},
  scale: number,
  onWarning: (message: string) => void,
): PhotoPair[] {
  const low = byName(folders.low, files.low);
  const high = byName(folders.high, files.high);
  const suffix = `x${scale}`;
  const partners = new Map<string, string>();
  for (const [name, file] of low) {
    const plain = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
    const own = high.has(name) ? name : plain;
    const before = partners.get(own);
    if (before !== undefined) throw new Error(`${before} and ${file} are both for ${high.get(own) ?? own}: keep one`);
    if (high.has(own)) partners.set(own, file);
  }
  const pairs = [...high].flatMap(([name, file]) => {
    const small = partners.get(name);
    return small === undefined ? [] : [{low: small, high: file}];
  });
  if (pairs.length === 0) {
    throw new Error(
      `no picture in ${folders.low} has the name of one in ${folders.high}: pairs are photo.png, or photo${suffix}.png, and photo.png`,
    );
  }
  const matched = new Set(pairs.flatMap(pair => [pair.low, pair.high]));
  const warnOf = (folder: string, all: string[], other: string) => {
    const left = all.filter(file => !matched.has(file)).map(file => relative(folder, file));
    if (left.length === 0) return;
    const named = left.slice(0, MOST_NAMED).join(', ') + (left.length > MOST_NAMED ? ', ...' : '');
    onWarning(
      `leaving out ${left.length} of ${all.length} pictures in ${folder}, which ${other} has no partner for: ${named}`,
    );
  };
  warnOf(folders.low, files.low, folders.high);
  warnOf(folders.high, files.high, folders.low);
  return pairs;
}

/**
 * Refuses pairs whose sides are not of one scale, by no more than the files' beginnings. Files that cannot be read are
 * left to who decodes them.
 *
 * @throws one line naming both files and both sizes.
 */
export async function requireScaleOfPairs(pairs: readonly PhotoFile[], scale: number): Promise<void> {
  const left = pairs.filter(photo => typeof photo !== 'string');
  const look = async () => {
    for (let pair = left.pop(); pair; pair = left.pop()) {
      const sizes = await Promise.all([imageSize(pair.low), imageSize(pair.high)]).catch(() => undefined);
      if (sizes) requireScale(pair, ...sizes, scale);
    }
  };
  left.reverse();
  await Promise.all(Array.from({length: AT_ONCE}, look));
}

/** Refuses a pair whose sides are not of the scale. @throws one line naming both files and both sizes. */
export function requireScale(pair: PhotoPair, low: PictureSize, high: PictureSize, scale: number): void {
  if (low.width * scale === high.width && low.height * scale === high.height) return;
  throw new Error(
    `${pair.low} has ${low.width} x ${low.height} pixels and ${pair.high} ${high.width} x ${high.height}: ` +
      `for a scale of ${scale} they would be ${low.width * scale} x ${low.height * scale}`,
  );
}

/** The files of a folder by their paths from it, without extensions. */
function byName(folder: string, files: string[]): Map<string, string> {
  const named = new Map<string, string>();
  for (const file of files) {
    const name = join(dirname(relative(folder, file)), basename(file, extname(file)));
    const before = named.get(name);
    if (before !== undefined)
      throw new Error(`${before} and ${file} have one name: pairs are matched by it, so keep one`);
    named.set(name, file);
  }
  return named;
}
