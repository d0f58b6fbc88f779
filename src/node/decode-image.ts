import {readFile} from 'node:fs/promises';
import {extname} from 'node:path';
import {PNG} from 'pngjs';
import {fileError} from './files.js';
import type {Sharp} from './sharp.js';
import {SHARP_MISSING, importSharp} from './sharp.js';

/** A decoded picture: 8-bit sRGB, rows of interleaved channels. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 3 | 4;
}

/**
 * Reads a picture as 8-bit sRGB: turned as its EXIF says, grey and CMYK converted, 16 bits reduced to 8, the first of
 * several frames. Without `alpha`, transparent pixels are laid on white.
 *
 * JPEG, PNG and WebP need the optional package sharp; PNG works without it.
 *
 * @throws one line naming the file: unreadable, broken or truncated, or sharp is missing.
 */
export async function decodeImage(file: string, {alpha = false} = {}): Promise<Pixels> {
  const sharp = await importSharp();
  try {
    if (sharp) return await decodeWithSharp(sharp, file, alpha);
    if (!isPng(file)) throw new Error(SHARP_MISSING);
    return decodePng(await readFile(file), alpha);
  } catch (error) {
    await requireContent(file);
    throw fileError('decode', file, error);
  }
}

/** Whether a picture can be read without sharp. */
export function isPng(file: string): boolean {
  return extname(file).toLowerCase() === '.png';
}

/** One call from the file to the pixels, which needs this thread neither to begin nor to go on. */
async function decodeWithSharp(sharp: Sharp, file: string, alpha: boolean): Promise<Pixels> {
  const image = sharp(file, {failOn: 'error'}).rotate();
  if (!alpha) image.flatten({background: 'white'});
  const {data, info} = await image.toColourspace('srgb').raw({depth: 'uchar'}).toBuffer({resolveWithObject: true});
  if (info.channels !== 3 && info.channels !== 4) throw new Error(`it has ${info.channels} channels`);
  return {data, width: info.width, height: info.height, channels: info.channels};
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

function decodePng(content: Buffer, alpha: boolean): Pixels {
  const {data, width, height} = parsePng(content);
  const opaque = data.every((value, i) => i % 4 !== 3 || value === 255);
  if (alpha && !opaque) return {data, width, height, channels: 4};
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const opacity = data[4 * pixel + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[3 * pixel + c] = Math.round(data[4 * pixel + c]! * opacity + 255 * (1 - opacity));
  }
  return {data: rgb, width, height, channels: 3};
}

function parsePng(content: Buffer): PNG {
  try {
    return PNG.sync.read(content);
  } catch (error) {
    // The parser's own words are about its streams.
    throw new Error('it is damaged, or not a PNG', {cause: error});
  }
}
