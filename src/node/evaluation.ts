import * as tf from '@tensorflow/tfjs';
import {bicubicDownscale, bicubicUpscale} from '../images/bicubic.js';
import {psnr, sharpness, ssim} from '../images/metrics.js';
import {upscale} from '../images/upscale.js';
import {readImage} from './image-files.js';

/** How close pictures are to the truth: means over the photos. */
export interface Scores {
  /** PSNR on the Y channel, in decibels. */
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

/** What `evaluatePhoto` gives. */
export interface PhotoScores {
  file: string;
  model: Scores;
  bicubic: Scores;
}

/**
 * Reads a photo to measure on. With `crop`, only its central square of at most that many pixels.
 *
 * @throws one line naming the file if it cannot be read or is smaller than the metrics need.
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
  return photo;
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

/** The means over photos. */
export function meanScores(scores: Scores[]): Scores {
  const mean = (name: keyof Scores) => scores.reduce((sum, one) => sum + one[name], 0) / scores.length;
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
