import * as tf from '@tensorflow/tfjs';
import {extname} from 'node:path';
import {requireKnownOptions} from '../../options.js';
import {decodeImage, isPng} from './decode.js';
import {filesInFolder} from './folder-files.js';
import type {Pixels} from './pixels.js';
import {importSharp, sharpProblem} from './sharp.js';
import {writePixels} from './write.js';

/** The names that pictures have which sharp reads as it comes. */
const EXTENSIONS = '.png .jpg .jpeg .jpe .jfif .webp .tif .tiff .gif .avif'.split(' ');

/** As many kinds of other files are named. */
const MOST_KINDS = 8;

/** What of sharp's formats is for photos and not in every build of it. */
const FORMATS_OF_SOME_BUILDS = ['heif', 'jxl', 'jp2'] as const;

/**
 * The pictures in a folder and the folders below it, sorted by path: PNG, JPEG (`.jpg`, `.jpeg`, `.jpe`, `.jfif`), WebP,
 * TIFF, GIF and AVIF by extension, and what else sharp reads where it was built for that, as HEIC. Symbolic links are
 * followed, and a file that several paths lead to is listed once. Hidden files and folders are left out.
 *
 * @throws one line: the folder is missing, is not a folder, cannot be read, or holds no picture.
 * @example
 * const files = await listImages('photos');
 */
export async function listImages(folder: string): Promise<string[]> {
  return (await sortOut(folder)).images;
}

/**
 * `listImages`, without those that need sharp where it is missing; it warns of those and of what is no picture.
 *
 * @param isExpected of which of the files that are no pictures not to warn.
 */
export async function listReadableImages(
  folder: string,
  onWarning: (message: string) => void,
  isExpected: (file: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<string[]> {
  const {images, others} = await sortOut(folder);
  const unexpected: string[] = [];
  for (const file of others) if (!(await isExpected(file))) unexpected.push(file);
  if (unexpected.length > 0) {
    const files = `${unexpected.length} ${unexpected.length === 1 ? 'file' : 'files'} in ${folder}`;
    onWarning(`left out ${files}, of kinds that are not read as photos: ${kinds(unexpected)}`);
  }
  if (await importSharp()) return images;
  const readable = images.filter(isPng);
  const problem = await sharpProblem();
  if (readable.length === 0) throw new Error(`no picture that can be read in the folder ${folder}: ${problem}`);
  const left = images.length - readable.length;
  if (left > 0) onWarning(`skipping ${left} of ${images.length} pictures in ${folder}: ${problem}`);
  return readable;
}

/** The pictures in a folder, at least one, and its other files. */
async function sortOut(folder: string): Promise<{images: string[]; others: string[]}> {
  const sharp = await importSharp();
  const further = FORMATS_OF_SOME_BUILDS.flatMap(name => sharp?.format[name]?.input.fileSuffix ?? []);
  const known = new Set([...EXTENSIONS, ...further]);
  const isImage = (file: string) => known.has(extname(file).toLowerCase());
  const files = await filesInFolder(folder);
  const [images, others] = [files.filter(isImage), files.filter(file => !isImage(file))];
  if (images.length === 0) {
    const instead = others.length > 0 ? ` (it has ${kinds(others)})` : '';
    throw new Error(`no picture in the folder ${folder}${instead}: put ${EXTENSIONS.join(', ')} files there`);
  }
  return {images, others};
}

/** How many files there are of which extension, the most frequent first. */
function kinds(files: string[]): string {
  const counts = new Map<string, number>();
  for (const file of files) {
    const kind = extname(file).toLowerCase() || 'without an extension';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const rest = sorted.slice(MOST_KINDS).reduce((sum, [, count]) => sum + count, 0);
  const named = sorted.slice(0, MOST_KINDS).map(([kind, count]) => `${count} ${kind}`);
  return [...named, ...(rest > 0 ? [`${rest} others`] : [])].join(', ');
}

/**
 * Reads a picture as a tensor `[height, width, 3]`, float32 in [0, 1]; with `alpha: true` and an alpha channel in the
 * file, `[height, width, 4]`.
 *
 * A picture is turned as its EXIF says; grey and CMYK become sRGB, 16 bits become 8, and of several frames the first is
 * taken. Without `alpha`, transparent pixels are laid on white. All but PNG need the optional package sharp.
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
  const channels = image.shape[2];
  if (image.rank !== 3 || (channels !== 3 && channels !== 4)) {
    throw new Error(
      `writeImage: image must have the shape [height, width, 3 or 4], but its shape is [${image.shape.join(', ')}].`,
    );
  }
  await writePixels(file, await tensorToPixels(image));
}

/** The pixels of a tensor `[height, width, 3 or 4]` with values in [0, 1]; others are clipped. */
export async function tensorToPixels(image: tf.Tensor3D): Promise<Pixels> {
  const [height, width, channels] = image.shape;
  const values = await image.data();
  const data = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) data[i] = Math.round(Math.min(1, Math.max(0, values[i]!)) * 255);
  return {data, width, height, channels: channels as 3 | 4};
}
