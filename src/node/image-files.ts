import * as tf from '@tensorflow/tfjs';
import {readdir, stat} from 'node:fs/promises';
import {extname, join} from 'node:path';
import {PNG} from 'pngjs';
import {decodeImage} from './decode-image.js';
import {fileError, writeFileAtomically} from './files.js';
import {importSharp} from './sharp.js';

const READABLE = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/**
 * The pictures (PNG, JPEG, WebP by extension) in a folder and the folders below it, sorted by path. Hidden files are
 * left out.
 *
 * @throws one line: the folder is missing, is not a folder, cannot be read, or holds no picture.
 */
export async function listImages(folder: string): Promise<string[]> {
  let names: string[];
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder');
    names = await readdir(folder, {recursive: true});
  } catch (error) {
    throw fileError('read the folder', folder, error);
  }
  const images = names.filter(name => READABLE.has(extname(name).toLowerCase()) && !/(^|[\\/])\./.test(name));
  if (images.length === 0) throw new Error(`no picture in the folder ${folder}: put .png, .jpg or .webp files there`);
  return images.sort().map(name => join(folder, name));
}

/**
 * Reads a picture as a tensor `[height, width, 3]`, float32 in [0, 1]; with `alpha: true` and an alpha channel in the
 * file, `[height, width, 4]`. See `decodeImage` for what is read and how.
 *
 * @example
 * const image = await readImage('photo.jpg');
 */
export async function readImage(file: string, options: {alpha?: boolean} = {}): Promise<tf.Tensor3D> {
  const {data, width, height, channels} = await decodeImage(file, options);
  return tf.tensor3d(
    Float32Array.from(data, value => value / 255),
    [height, width, channels],
  );
}

/**
 * Writes a tensor `[height, width, 3 or 4]` with values in [0, 1] (others are clipped) as a PNG, JPEG or WebP file, by
 * extension; all but PNG need sharp. A JPEG of a picture with alpha is laid on white. The file appears whole or not at all.
 *
 * @throws one line: unknown extension, sharp missing, wrong shape, or the file cannot be written.
 */
export async function writeImage(file: string, image: tf.Tensor3D): Promise<void> {
  const [height, width, channels] = image.shape;
  if (image.rank !== 3 || (channels !== 3 && channels !== 4)) {
    throw new Error(
      `writeImage: image must have the shape [height, width, 3 or 4], but its shape is [${image.shape.join(', ')}].`,
    );
  }
  const values = await image.data();
  const pixels = Buffer.from(Uint8Array.from(values, value => Math.round(Math.min(1, Math.max(0, value)) * 255)));
  await writeFileAtomically(file, await encode(file, pixels, width, height, channels));
}

/** Refuses a file name that `writeImage` could not write, before any work is done for it. */
export async function requireWritableImage(file: string): Promise<void> {
  const extension = extname(file).toLowerCase();
  if (!READABLE.has(extension)) {
    throw new Error(`cannot write ${file}: the name must end in .png, .jpg or .webp`);
  }
  if (extension !== '.png' && !(await importSharp())) {
    throw new Error(`cannot write ${file}: only PNG can be written without the package sharp; run: npm install sharp`);
  }
}

async function encode(file: string, pixels: Buffer, width: number, height: number, channels: 3 | 4): Promise<Buffer> {
  await requireWritableImage(file);
  const sharp = await importSharp();
  if (!sharp) return encodePng(pixels, width, height, channels);
  const image = sharp(pixels, {raw: {width, height, channels}});
  switch (extname(file).toLowerCase()) {
    case '.png':
      return image.png().toBuffer();
    case '.webp':
      return image.webp({quality: 95}).toBuffer();
    default:
      return image.flatten({background: 'white'}).jpeg({quality: 95}).toBuffer();
  }
}

function encodePng(pixels: Buffer, width: number, height: number, channels: 3 | 4): Buffer {
  const png = new PNG({width, height});
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) png.data[4 * pixel + c] = pixels[channels * pixel + c]!;
    png.data[4 * pixel + 3] = channels === 4 ? pixels[4 * pixel + 3]! : 255;
  }
  return PNG.sync.write(png);
}
