import * as tf from '@tensorflow/tfjs';
import {bicubicDownscale, bicubicUpscale} from '../../images/bicubic.js';
import {psnr, sharpness, ssim} from '../../images/metrics.js';
import {TileRunner} from '../../images/tile-runner.js';
import {upscale, upscaleBy} from '../../images/upscale.js';
import {decodeImage, imageSize} from '../photos/decode.js';
import {pixelsToTensor} from '../photos/files.js';
import type {PhotoFile, PhotoPair} from '../photos/pairs.js';
import {highOf, requireScale} from '../photos/pairs.js';
import type {PictureSize, Pixels} from '../photos/pixels.js';
import type {Rectangle} from '../../images/resize-array.js';

/** How close a picture is to the truth, or pictures are in the mean. */
export interface Scores {
  /** PSNR on the Y channel, in decibels. Of a picture equal to the truth Infinity, which counts 100 in a mean. */
  psnrY: number;
  /** SSIM on the Y channel. */
  ssimY: number;
  /** Mean gradient magnitude over the truth's. */
  sharpness: number;
}

/**
 * A photo to measure on: the truth, its low-resolution side (that of its file where it has one, or else bicubic), and the
 * bicubic enlargement of that.
 */
export interface ValidationPhoto {
  file: string;
  /** The size of the whole photo, of which `truth` may be the middle only. */
  size: PictureSize;
  truth: tf.Tensor3D;
  low: tf.Tensor3D;
  bicubic: tf.Tensor3D;
}

/** What `evaluatePhoto` gives: the scores of the model and of bicubic enlargement. */
export interface PhotoScores {
  file: string;
  /** The size of the photo, and of what is measured of it. */
  size: PictureSize;
  measured: PictureSize;
  model: Scores;
  bicubic: Scores;
}

/** What equal pictures count in a mean PSNR, in decibels: more than any pictures of 8 bits that differ have. */
const PSNR_OF_EQUALS = 100;

/**
 * Reads a photo to measure on, or a pair: of its middle at most `crop` pixels a side, and no more than those.
 *
 * @throws one line naming the file if it cannot be read, has another size than its pair says, is smaller than the metrics
 *   need, or is of one colour, which has no sharpness and which anything reproduces.
 */
export async function validationPhoto(photo: PhotoFile, scale: number, crop = Infinity): Promise<ValidationPhoto> {
  const file = highOf(photo);
  const size = await imageSize(file);
  if (typeof photo !== 'string') requireScale(photo, await imageSize(photo.low), size, scale);
  const middle = (length: number) => Math.min(length, crop) - (Math.min(length, crop) % scale);
  const [width, height] = [middle(size.width), middle(size.height)];
  if (Math.min(width, height) < 11 + 2 * scale) {
    const few = crop < Math.min(size.width, size.height) ? `the middle ${crop} of ` : '';
    throw new Error(`cannot measure on ${file}: ${few}${size.width} x ${size.height} pixels are too few`);
  }
  const part = {
    top: Math.floor((size.height - height) / 2),
    left: Math.floor((size.width - width) / 2),
    width,
    height,
  };
  const sides: {low?: Pixels; high: Pixels} =
    typeof photo === 'string' ? {high: await decodeImage(file, {part})} : await decodePair(photo, part, scale);
  const tensors = tf.tidy(() => {
    const truth = pixelsToTensor(sides.high);
    const low = sides.low ? pixelsToTensor(sides.low) : toEightBits(bicubicDownscale(truth, scale));
    return {truth, low, bicubic: toEightBits(bicubicUpscale(low, scale))};
  });
  const read = {file, size, ...tensors};
  if (await isFlat(read.truth, scale)) {
    disposePhotos([read]);
    throw new Error(`cannot measure on ${file}: what is measured of it is of one colour`);
  }
  return read;
}

/** A part of both sides of a pair, moved to where a pixel of the small one begins. */
async function decodePair(
  {low, high}: PhotoPair,
  {top, left, width, height}: Rectangle,
  scale: number,
): Promise<{low: Pixels; high: Pixels}> {
  const small = {
    top: Math.floor(top / scale),
    left: Math.floor(left / scale),
    width: width / scale,
    height: height / scale,
  };
  const large = {top: small.top * scale, left: small.left * scale, width, height};
  return {low: await decodeImage(low, {part: small}), high: await decodeImage(high, {part: large})};
}

/** Whether nothing changes inside the border that the metrics leave out. */
async function isFlat(image: tf.Tensor3D, border: number): Promise<boolean> {
  const range = tf.tidy(() => {
    const [height, width] = image.shape;
    const inner = tf.slice(image, [border, border, 0], [height - 2 * border, width - 2 * border, 3]);
    return tf.max(tf.sub(tf.max(inner, [0, 1]), tf.min(inner, [0, 1])));
  });
  const [value] = await range.data();
  range.dispose();
  return value === 0;
}

/** Frees a photo's tensors. */
export function disposePhotos(photos: ValidationPhoto[]): void {
  for (const {truth, low, bicubic} of photos) tf.dispose([truth, low, bicubic]);
}

/**
 * Measures a model and bicubic enlargement on a photo, as the papers do: on pictures rounded to 8 bits, with a border of
 * `scale` pixels left out.
 *
 * @param runner of the model, for several photos. Default one that captures nothing, so that training keeps its weights where
 *   they are.
 */
export async function evaluatePhoto(
  model: tf.LayersModel,
  photo: ValidationPhoto,
  scale: number,
  runner = new TileRunner(model, {capture: false}),
): Promise<PhotoScores> {
  const large = await upscaleBy(model, photo.low, {}, runner);
  const output = tf.tidy(() => toEightBits(large));
  large.dispose();
  try {
    return {
      file: photo.file,
      size: photo.size,
      measured: {width: photo.truth.shape[1], height: photo.truth.shape[0]},
      model: await scoresOf(output, photo.truth, scale),
      bicubic: await scoresOf(photo.bicubic, photo.truth, scale),
    };
  } finally {
    output.dispose();
  }
}

/** Refuses a model that makes NaN or Infinity of a small part of a photo. @throws a `NonFiniteError`. */
export async function requireFinitePictures(model: tf.LayersModel, {low}: ValidationPhoto): Promise<void> {
  const size = Math.min(low.shape[0], low.shape[1], 16);
  const cutting = tf.slice(low, [0, 0, 0], [size, size, 3]);
  try {
    tf.dispose(await upscale(model, cutting));
  } finally {
    cutting.dispose();
  }
}

/** The means over photos. They are finite: a PSNR without end counts as 100 dB. */
export function meanScores(scores: Scores[]): Scores {
  const mean = (name: keyof Scores) =>
    scores.reduce((sum, one) => sum + (one[name] === Infinity ? PSNR_OF_EQUALS : one[name]), 0) / scores.length;
  return {psnrY: mean('psnrY'), ssimY: mean('ssimY'), sharpness: mean('sharpness')};
}

async function scoresOf(image: tf.Tensor3D, truth: tf.Tensor3D, crop: number): Promise<Scores> {
  return {
    psnrY: await psnr(image, truth, {crop, channel: 'y'}),
    ssimY: await ssim(image, truth, {crop, channel: 'y'}),
    sharpness: await sharpness(image, truth, {crop}),
  };
}

function toEightBits(image: tf.Tensor3D): tf.Tensor3D {
  return tf.div(tf.round(tf.mul(tf.clipByValue(image, 0, 1), 255)), 255);
}
