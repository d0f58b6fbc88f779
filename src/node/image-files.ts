import * as tf from '@tensorflow/tfjs';
import type {Dirent} from 'node:fs';
import {readdir, stat} from 'node:fs/promises';
import {extname, join, relative, sep} from 'node:path';
import {requireKnownOptions} from '../options.js';
import {decodeImage, isPng} from './decode-image.js';
import {fileError} from './files.js';
import type {Pixels} from './pixels.js';
import {SHARP_MISSING, importSharp} from './sharp.js';
import {writePixels} from './write-pixels.js';

const READABLE = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/**
 * The pictures (PNG, JPEG, WebP by extension) in a folder and the folders below it, sorted by path. Files and links to
 * files only; hidden ones are left out.
 *
 * @throws one line: the folder is missing, is not a folder, cannot be read, or holds no picture.
 * @example
 * const files = await listImages('photos');
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
      if (READABLE.has(extname(entry.name).toLowerCase()) && !hidden && (await isFile(path, entry))) images.push(path);
    }
  } catch (error) {
    throw fileError('read the folder', folder, error);
  }
  if (images.length === 0) throw new Error(`no picture in the folder ${folder}: put .png, .jpg or .webp files there`);
  return images.sort();
}

/** Whether it is a file or a link to one: to open a named pipe is to wait for ever. */
async function isFile(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return stat(path).then(
    target => target.isFile(),
    () => false,
  );
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
 * file, `[height, width, 4]`.
 *
 * A picture is turned as its EXIF says; grey and CMYK become sRGB, 16 bits become 8, and of several frames the first is
 * taken. Without `alpha`, transparent pixels are laid on white. JPEG and WebP need the optional package sharp.
 *
 * @throws one line: an unknown option, or, naming the file, unreadable, broken or cut short, or sharp is missing.
 * @example
 * const image = await readImage('photo.jpg');
 */
export async function readImage(file: string, options: {alpha?: boolean} = {}): Promise<tf.Tensor3D> {
  requireKnownOptions('readImage', options, {alpha: true});
  return pixelsToTensor(await decodeImage(file, options));
}

/** A tensor `[height, width, channels]`, float32 in [0, 1]. */
export function pixelsToTensor({data, width, height, channels}: Pixels): tf.Tensor3D {
  // Loops, here and below: `from` with a function takes seconds for a large photo.
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = data[i]! / 255;
  return tf.tensor3d(values, [height, width, channels]);
}

/**
 * Writes a tensor `[height, width, 3 or 4]` with values in [0, 1] (others are clipped) as a PNG, JPEG or WebP file, by
 * extension; all but PNG need sharp. A JPEG of a picture with alpha is laid on white. The file appears whole or not at
 * all; its folder is made.
 *
 * @throws one line: unknown extension, sharp missing, wrong shape, too large for the format, or the file cannot be
 *   written.
 * @example
 * await writeImage('out/large.png', tf.zeros([64, 64, 3]));
 */
export async function writeImage(file: string, image: tf.Tensor3D): Promise<void> {
  const [height, width, channels] = image.shape;
  if (image.rank !== 3 || (channels !== 3 && channels !== 4)) {
    throw new Error(
      `writeImage: image must have the shape [height, width, 3 or 4], but its shape is [${image.shape.join(', ')}].`,
    );
  }
  const values = await image.data();
  const data = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) data[i] = Math.round(Math.min(1, Math.max(0, values[i]!)) * 255);
  await writePixels(file, {data, width, height, channels});
}
