import {constants} from 'node:buffer';
import {dirname, extname} from 'node:path';
import {PNG} from 'pngjs';
import {hasOwnColours, isPng} from './decode.js';
import {fileError, requireWritableFolder, writeFileAtomically} from '../system/files.js';
import type {Pixels} from './pixels.js';
import type {Sharp} from './sharp.js';
import {importSharp, sharpProblem} from './sharp.js';

/** The most pixels a side that a format holds, by extension. */
const LARGEST_SIDE: Readonly<Record<string, number>> = {
  '.png': 2 ** 31 - 1,
  '.jpg': 65535,
  '.jpeg': 65535,
  '.webp': 16383,
};

/** Refuses a file that `writePixels` could not write, for its name or its folder, before any work is done for it. */
export async function requireWritableImage(file: string): Promise<void> {
  await requireImageName(file);
  await requireWritableFolder(dirname(file));
}

/** Whether a file of this name could be written: its extension is one of those of PNG, JPEG and WebP. */
export function isWritableName(file: string): boolean {
  return extname(file).toLowerCase() in LARGEST_SIDE;
}

async function requireImageName(file: string): Promise<void> {
  if (!isWritableName(file)) {
    throw new Error(`cannot write ${file}: the name must end in .png, .jpg or .webp`);
  }
  if (!isPng(file) && !(await importSharp())) throw new Error(`cannot write ${file}: ${await sharpProblem()}`);
}

/** Refuses a picture that is too large for its file's format, or for one array of bytes. */
export async function requireWritableSize(
  file: string,
  {width, height, channels}: Omit<Pixels, 'data'>,
): Promise<void> {
  const refuse = (limit: string) => {
    throw new Error(`cannot write ${file}: ${width} x ${height} pixels are too large for ${limit}`);
  };
  const side = LARGEST_SIDE[extname(file).toLowerCase()]!;
  if (Math.max(width, height) > side) refuse(`its format, which ends at ${side} a side; a .png holds more`);
  // Without sharp a PNG is written from 4 channels.
  const most = Math.floor(constants.MAX_LENGTH / ((await importSharp()) ? channels : 4));
  if (width * height > most) refuse(`this Node, which has room for ${most} of them; enlarge the picture in parts`);
}

/**
 * Writes 8-bit pixels as a PNG, JPEG or WebP file, by extension: see `writeImage`.
 *
 * @param source a picture whose EXIF data the file gets, all but the orientation, and whose colour profile, if the pixels have
 *   the `ownColours` of it. Without sharp it gets none.
 * @throws one line: unknown extension, sharp missing, too large, or the file cannot be written.
 */
export async function writePixels(file: string, pixels: Pixels, source?: string): Promise<void> {
  await requireImageName(file);
  await requireWritableSize(file, pixels);
  let content: Buffer;
  try {
    content = await encode(file, pixels, source);
  } catch (error) {
    throw fileError('write', file, error);
  }
  await writeFileAtomically(file, content);
}

/** Pixels as the bytes of a file, of the format that its name says; see `writePixels` for `source`. */
export async function encode(file: string, pixels: Pixels, source?: string): Promise<Buffer> {
  const sharp = await importSharp();
  if (!sharp) return encodePng(pixels);
  const {data, width, height, channels} = pixels;
  const raw = {width, height, channels};
  const image = source ? await laidOver(sharp, source, {data, ...raw}) : sharp(data, {raw, limitInputPixels: false});
  switch (extname(file).toLowerCase()) {
    case '.png':
      return image.png().toBuffer();
    case '.webp':
      return image.webp({quality: 95}).toBuffer();
    default:
      return image.flatten({background: 'white'}).jpeg({quality: 95}).toBuffer();
  }
}

/** The pixels in the place of a picture's own: sharp keeps what is in a file only with a picture made of it. */
async function laidOver(sharp: Sharp, source: string, {data, ...raw}: Pixels): Promise<ReturnType<Sharp>> {
  const {width, height, channels} = raw;
  const image = sharp(source, {limitInputPixels: false})
    .autoOrient()
    .resize(width, height, {fit: 'fill', kernel: 'nearest'})
    .composite([
      {
        input: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        raw,
        blend: 'source',
        limitInputPixels: false,
      },
    ])
    .keepExif();
  if (channels === 3) image.removeAlpha();
  if (await hasOwnColours(sharp, source)) image.keepIccProfile();
  return image;
}

function encodePng({data, width, height, channels}: Pixels): Buffer {
  const png = new PNG({width, height});
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) png.data[4 * pixel + c] = data[channels * pixel + c]!;
    png.data[4 * pixel + 3] = channels === 4 ? data[4 * pixel + 3]! : 255;
  }
  return PNG.sync.write(png);
}
