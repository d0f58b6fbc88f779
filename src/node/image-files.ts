import * as tf from '@tensorflow/tfjs';
import {readdir, stat} from 'node:fs/promises';
import {extname, join, relative, sep} from 'node:path';
import {PNG} from 'pngjs';
import {decodeImage, isPng} from './decode-image.js';
import {fileError, writeFileAtomically} from './files.js';
import {SHARP_MISSING, importSharp} from './sharp.js';

const READABLE = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/**
 * The pictures (PNG, JPEG, WebP by extension) in a folder and the folders below it, sorted by path. Hidden files are
 * left out.
 *
 * @throws one line: the folder is missing, is not a folder, cannot be read, or holds no picture.
 */
export async function listImages(folder: string): Promise<string[]> {
  const images: string[] = [];
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder');
    for (const entry of await readdir(folder, {recursive: true, withFileTypes: true})) {
      const path = join(entry.parentPath, entry.name);
      const hidden = relative(folder, path)
        .split(sep)
        .some(name => name.startsWith('.'));
      if (READABLE.has(extname(entry.name).toLowerCase()) && !entry.isDirectory() && !hidden) images.push(path);
    }
  } catch (error) {
    throw fileError('read the folder', folder, error);
  }
  if (images.length === 0) throw new Error(`no picture in the folder ${folder}: put .png, .jpg or .webp files there`);
  return images.sort();
}

/** `listImages`, without those that need sharp where it is missing, of which it warns. */
export async function listReadableImages(folder: string, onWarning: (message: string) => void): Promise<string[]> {
  const images = await listImages(folder);
  if (await importSharp()) return images;
  const readable = images.filter(isPng);
  if (readable.length === 0) throw new Error(`no picture that can be read in the folder ${folder}: ${SHARP_MISSING}`);
  const left = images.length - readable.length;
  if (left > 0) onWarning(`skipping ${left} of ${images.length} pictures in ${folder}: ${SHARP_MISSING}`);
  return readable;
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
  // Loops, here and below: `from` with a function takes seconds for a large photo.
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = data[i]! / 255;
  return tf.tensor3d(values, [height, width, channels]);
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
  await requireWritableImage(file);
  const values = await image.data();
  const pixels = Buffer.alloc(values.length);
  for (let i = 0; i < values.length; i++) pixels[i] = Math.round(Math.min(1, Math.max(0, values[i]!)) * 255);
  let content: Buffer;
  try {
    content = await encode(file, pixels, width, height, channels);
  } catch (error) {
    throw fileError('write', file, error);
  }
  await writeFileAtomically(file, content);
}

/** Refuses a file name that `writeImage` could not write, before any work is done for it. */
export async function requireWritableImage(file: string): Promise<void> {
  const extension = extname(file).toLowerCase();
  if (!READABLE.has(extension)) {
    throw new Error(`cannot write ${file}: the name must end in .png, .jpg or .webp`);
  }
  if (!isPng(file) && !(await importSharp())) throw new Error(`cannot write ${file}: ${SHARP_MISSING}`);
}

async function encode(file: string, pixels: Buffer, width: number, height: number, channels: 3 | 4): Promise<Buffer> {
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
