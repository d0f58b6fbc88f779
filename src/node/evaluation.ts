import * as tf from '@tensorflow/tfjs';
import {bicubicDownscale, bicubicUpscale} from '../images/bicubic.js';
import {psnr, sharpness, ssim} from '../images/metrics.js';
import {upscale} from '../images/upscale.js';
import {readImage} from './image-files.js';

/** How close a picture is to the truth, or pictures are in the mean. */
export interface Scores {
  /** PSNR on the Y channel, in decibels. Of a picture equal to the truth Infinity, which counts 100 in a mean. */
  psnrY: number;
  /** SSIM on the Y channel. */
  ssimY: number;
  /** Mean gradient magnitude over the truth's. */
  sharpness: number;
}

/** A photo to measure on: the truth, its low-resolution side, and the bicubic enlargement of that. */
export interface ValidationPhoto {
  file: string;
  truth: tf.Tensor3D;
  low: tf.Tensor3D;
  bicubic: tf.Tensor3D;
}

/** What `evaluatePhoto` gives: the scores of the model and of bicubic enlargement. */
export interface PhotoScores {
  file: string;
  model: Scores;
  bicubic: Scores;
}

/** What equal pictures count in a mean PSNR, in decibels: more than any pictures of 8 bits that differ have. */
const PSNR_OF_EQUALS = 100;

/**
 * Reads a photo to measure on. With `crop`, only its central square of at most that many pixels.
 *
 * @throws one line naming the file if it cannot be read, is smaller than the metrics need, or is of one colour, which
 *   has no sharpness and which anything reproduces.
 */
export async function validationPhoto(file: string, scale: number, crop = Infinity): Promise<ValidationPhoto> {
  const image = await readImage(file);
  const sizes = image.shape.slice(0, 2).map(size => Math.min(size, crop) - (Math.min(size, crop) % scale));
  if (Math.min(...sizes) < 11 + 2 * scale) {
    image.dispose();
    throw new Error(`cannot measure on ${file}: ${image.shape[1]} x ${image.shape[0]} pixels are too few`);
  }
  const [height, width] = sizes as [number, number];
  const photo = tf.tidy(() => {
    const [top, left] = [Math.floor((image.shape[0] - height) / 2), Math.floor((image.shape[1] - width) / 2)];
    const truth = tf.slice(image, [top, left, 0], [height, width, 3]);
    const low = toEightBits(bicubicDownscale(truth, scale));
    return {file, truth, low, bicubic: toEightBits(bicubicUpscale(low, scale))};
  });
  image.dispose();
  if (await isFlat(photo.truth, scale)) {
    disposePhotos([photo]);
    throw new Error(`cannot measure on ${file}: what is measured of it is of one colour`);
  }
  return photo;
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
 */
export async function evaluatePhoto(
  model: tf.LayersModel,
  photo: ValidationPhoto,
  scale: number,
): Promise<PhotoScores> {
  const large = await upscale(model, photo.low);
  const output = tf.tidy(() => toEightBits(large));
  large.dispose();
  try {
    return {
      file: photo.file,
      model: await scoresOf(output, photo.truth, scale),
      bicubic: await scoresOf(photo.bicubic, photo.truth, scale),
    };
  } finally {
    output.dispose();
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
