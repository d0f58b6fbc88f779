import {readFile} from 'node:fs/promises';
import {extname} from 'node:path';
import {PNG} from 'pngjs';
import {fileError} from './files.js';
import type {Sharp} from './sharp.js';
import {importSharp} from './sharp.js';

/** A decoded picture: 8-bit sRGB, rows of interleaved channels. */
export interface Pixels {
  data: Uint8Array;
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
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw fileError('read', file, error);
  }
  const sharp = await importSharp();
  try {
    if (sharp) return await decodeWithSharp(sharp, content, alpha);
    if (extname(file).toLowerCase() !== '.png') {
      throw new Error('only PNG can be read without the package sharp; run: npm install sharp');
    }
    return decodePng(content, alpha);
  } catch (error) {
    throw fileError('decode', file, error);
  }
}

async function decodeWithSharp(sharp: Sharp, content: Buffer, alpha: boolean): Promise<Pixels> {
  const image = sharp(content, {failOn: 'error'}).rotate();
  const {hasAlpha} = await image.metadata();
  const flat = hasAlpha && !alpha ? image.flatten({background: 'white'}) : image;
  const {data, info} = await flat.toColourspace('srgb').raw({depth: 'uchar'}).toBuffer({resolveWithObject: true});
  if (info.channels !== 3 && info.channels !== 4) throw new Error(`it has ${info.channels} channels`);
  return {data, width: info.width, height: info.height, channels: info.channels};
}

function decodePng(content: Buffer, alpha: boolean): Pixels {
  const {data, width, height} = PNG.sync.read(content);
  const opaque = data.every((value, i) => i % 4 !== 3 || value === 255);
  if (alpha && !opaque) return {data, width, height, channels: 4};
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const opacity = data[4 * pixel + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[3 * pixel + c] = Math.round(data[4 * pixel + c]! * opacity + 255 * (1 - opacity));
  }
  return {data: rgb, width, height, channels: 3};
}
