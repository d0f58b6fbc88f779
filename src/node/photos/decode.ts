import {readFile} from 'node:fs/promises';
import {extname} from 'node:path';
import type {Rectangle} from '../../images/resize-array.js';
import {decodePng, pngSize} from './decode-png.js';
import {fileError} from '../system/files.js';
import {mostPixels, requireRoom} from './picture-limit.js';
import type {PictureSize, Pixels} from './pixels.js';
import {cutPixels} from './pixels.js';
import type {Sharp} from './sharp.js';
import {importSharp, sharpProblem} from './sharp.js';

/** What of a picture is read. */
export interface DecodeOptions {
  /** Keep an alpha channel. Default: transparent pixels are laid on white. */
  alpha?: boolean;
  /** Keep the values of an RGB picture with a colour profile as they are. Default: they are converted to sRGB. */
  ownColours?: boolean;
  /** The part of the picture to read, at the cost in memory of that part. Default: all of it. */
  part?: Rectangle;
}

/**
 * Reads a picture as 8-bit sRGB: turned as its EXIF says, grey and CMYK converted, 16 bits reduced to 8, the first of
 * several frames.
 *
 * All but PNG need the optional package sharp.
 *
 * @throws one line naming the file: unreadable, broken or truncated, too large for the memory, or sharp is missing.
 */
export function decodeImage(file: string, options: DecodeOptions = {}): Promise<Pixels> {
  const {alpha = false, part} = options;
  return naming(file, {
    withSharp: sharp => decodeWithSharp(sharp, file, options),
    asPng: content => {
      const pixels = decodePng(content, alpha);
      return part ? cutPixels(pixels, part) : pixels;
    },
  });
}

/** Reads no more of a picture than its size. @throws as `decodeImage`. */
export function imageSize(file: string): Promise<PictureSize> {
  return naming(file, {
    withSharp: sharp => sizeWithSharp(sharp, file),
    asPng: pngSize,
  });
}

/** Reads a file with sharp or, where that is missing, as a PNG. @throws one line naming the file. */
async function naming<T>(
  file: string,
  {withSharp, asPng}: {withSharp: (sharp: Sharp) => Promise<T>; asPng: (content: Buffer) => T},
): Promise<T> {
  const sharp = await importSharp();
  try {
    if (sharp) return await withSharp(sharp);
    if (!isPng(file)) throw new Error(await sharpProblem());
    return asPng(await readFile(file));
  } catch (error) {
    await requireContent(file);
    throw fileError('decode', file, error);
  }
}

/** Whether a picture can be read without sharp. */
export function isPng(file: string): boolean {
  return extname(file).toLowerCase() === '.png';
}

/** Whether a picture is RGB with a colour profile, so that another of its size can have the profile too. */
export async function hasOwnColours(sharp: Sharp, file: string): Promise<boolean> {
  const {icc, space} = await sharp(file).metadata();
  return icc !== undefined && (space === 'srgb' || space === 'rgb16');
}

/** One call from the file to the pixels, which needs this thread neither to begin nor to go on. */
async function decodeWithSharp(
  sharp: Sharp,
  file: string,
  {alpha = false, ownColours = false, part}: DecodeOptions,
): Promise<Pixels> {
  const image = sharp(file, {failOn: 'error', limitInputPixels: mostPixels()}).rotate();
  if (ownColours && (await hasOwnColours(sharp, file))) image.keepIccProfile();
  if (part) image.extract(part);
  if (!alpha) image.flatten({background: 'white'});
  image.toColourspace('srgb').raw({depth: 'uchar'});
  const {data, info} = await image.toBuffer({resolveWithObject: true}).catch(async (error: Error) => {
    // In words that say how large it is and how large it may be.
    if (error.message.includes('pixel limit')) await sizeWithSharp(sharp, file);
    throw error;
  });
  if (info.channels !== 3 && info.channels !== 4) throw new Error(`it has ${info.channels} channels`);
  return {data, width: info.width, height: info.height, channels: info.channels};
}

async function sizeWithSharp(sharp: Sharp, file: string): Promise<PictureSize> {
  const {autoOrient} = await sharp(file, {failOn: 'error', limitInputPixels: false}).metadata();
  requireRoom(autoOrient);
  return autoOrient;
}

/** The reason why a file could not be decoded, if it is that it cannot be read. */
async function requireContent(file: string): Promise<void> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw fileError('read', file, error);
  }
  if (content.length === 0) throw new Error(`cannot decode ${file}: it is empty`);
}
