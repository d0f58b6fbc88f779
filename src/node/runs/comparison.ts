import * as tf from '@tensorflow/tfjs';
import {basename} from 'node:path';
import {upscale} from '../../images/upscale.js';
import {tensorToPixels} from '../photos/files.js';
import {encode} from '../photos/write.js';
import type {ValidationPhoto} from './evaluation.js';

/** One place of a photo, as pictures of one place that are laid over each other: the bytes of PNG files. */
export interface Comparison {
  /** The photo's name. */
  name: string;
  /** The size of all but `low`, which is as many times smaller as the model enlarges. */
  width: number;
  height: number;
  low: Buffer;
  bicubic: Buffer;
  now: Buffer;
  truth: Buffer;
}

/** Height and width of what is compared, in pixels of the truth. */
const SIZE = 256;

/** Shows what the model makes of the most detailed place of each photo. */
export async function comparisons(model: tf.LayersModel, photos: ValidationPhoto[]): Promise<Comparison[]> {
  const made: Comparison[] = [];
  for (const {file, truth, low, bicubic} of photos) {
    const scale = truth.shape[0] / low.shape[0];
    const part = await detailedPart(truth, SIZE, scale);
    const large = await upscale(model, low);
    try {
      const inLow = {
        top: part.top / scale,
        left: part.left / scale,
        height: part.height / scale,
        width: part.width / scale,
      };
      made.push({
        name: basename(file),
        width: part.width,
        height: part.height,
        low: await cutting(low, inLow),
        bicubic: await cutting(bicubic, part),
        now: await cutting(large, part),
        truth: await cutting(truth, part),
      });
    } finally {
      large.dispose();
    }
  }
  return made;
}

async function cutting(image: tf.Tensor3D, {top, left, height, width}: Part): Promise<Buffer> {
  const part = tf.slice(image, [top, left, 0], [height, width, 3]);
  try {
    return await encode('part.png', await tensorToPixels(part));
  } finally {
    part.dispose();
  }
}

/** A part of a picture. */
interface Part {
  top: number;
  left: number;
  height: number;
  width: number;
}

/**
 * The part of a picture with the largest differences between neighbours, all in all.
 *
 * @param image `[height, width, 3]`.
 * @param size its height and width, or the picture's where that is smaller.
 * @param step the part begins and ends at multiples of it.
 */
export async function detailedPart(image: tf.Tensor3D, size: number, step: number): Promise<Part> {
  const [rows, columns] = image.shape;
  const fitting = (length: number) => Math.floor(Math.min(size, length) / step) * step;
  const [height, width] = [fitting(rows), fitting(columns)];
  const sums = await sumsOfDifferences(image);
  const at = (y: number, x: number) => sums[y * (columns + 1) + x]!;
  let best = {top: 0, left: 0, height, width};
  let most = -1;
  for (let top = 0; top + height <= rows; top += step) {
    for (let left = 0; left + width <= columns; left += step) {
      const [bottom, right] = [top + height, left + width];
      const detail = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left);
      if (detail > most) [most, best] = [detail, {...best, top, left}];
    }
  }
  return best;
}

/** How much pixels differ from those to the right and below, summed over all that are above and to the left of a place. */
async function sumsOfDifferences(image: tf.Tensor3D): Promise<Float64Array> {
  const [rows, columns, channels] = image.shape;
  const values = await image.data();
  const sums = new Float64Array((rows + 1) * (columns + 1));
  const value = (y: number, x: number, channel: number) =>
    values[(Math.min(y, rows - 1) * columns + Math.min(x, columns - 1)) * channels + channel]!;
  for (let y = 0; y < rows; y++) {
    let inRow = 0;
    for (let x = 0; x < columns; x++) {
      for (let channel = 0; channel < channels; channel++) {
        const here = value(y, x, channel);
        inRow += Math.abs(here - value(y, x + 1, channel)) + Math.abs(here - value(y + 1, x, channel));
      }
      sums[(y + 1) * (columns + 1) + x + 1] = sums[y * (columns + 1) + x + 1]! + inRow;
    }
  }
  return sums;
}
