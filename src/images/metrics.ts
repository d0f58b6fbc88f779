import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {luma} from './luma.js';
import {requirePair} from './validation.js';

/** What of two images is compared. */
export interface MetricOptions {
  /** Pixels left out at each border; papers use the scale. Default 0. */
  crop?: number;
  /** All three channels, or the Y of BT.601 in studio range as in the papers. Default `'rgb'`. */
  channel?: 'rgb' | 'y';
}

const METRIC_OPTIONS: OptionNames<MetricOptions> = {crop: true, channel: true};

/**
 * The peak signal-to-noise ratio of two images, in decibels: 10 log10(1 / mean squared difference). Higher is closer;
 * Infinity for equal images. A batch is measured as one.
 *
 * @param a an image, float32 in [0, 1], `[height, width, channels]` or a batch of them; `channel: 'y'` needs 3 channels.
 * @param b the other, of the same shape.
 * @throws if an option is unknown, the shapes differ, an image has another rank or dtype or no pixels, `channel` is unknown or needs other
 *   images, or the crop leaves nothing.
 * @example
 * const decibels = await psnr(output, truth, {crop: 4, channel: 'y'});
 *
 * Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment", 2008,
 * https://doi.org/10.1049/el:20080522
 */
export async function psnr(a: tf.Tensor, b: tf.Tensor, options: MetricOptions = {}): Promise<number> {
  const error = await measure('psnr', a, b, options, (x, y) => tf.mean(tf.squaredDifference(x, y)));
  return -10 * Math.log10(error);
}

/**
 * The structural similarity of two images, at most 1, which equal images reach: the mean over an 11 x 11 Gaussian window
 * of deviation 1.5, without padding, and over channels. Arguments as for `psnr`; a batch gives the mean.
 *
 * @throws as `psnr`, and if less than 11 x 11 pixels remain.
 * @example
 * const similarity = await ssim(output, truth, {crop: 4, channel: 'y'});
 *
 * Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004,
 * https://doi.org/10.1109/TIP.2003.819861
 */
export function ssim(a: tf.Tensor, b: tf.Tensor, options: MetricOptions = {}): Promise<number> {
  return measure('ssim', a, b, options, (x, y) => {
    const [, height, width] = x.shape;
    if (height < WINDOW.length || width < WINDOW.length) {
      throw new Error(
        `ssim: ${WINDOW.length} x ${WINDOW.length} pixels are needed, but ${height} x ${width} remain; crop less.`,
      );
    }
    const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
    const [meanX, meanY] = [windowed(x), windowed(y)];
    const meanXY = tf.mul(meanX, meanY);
    const squares = tf.add(tf.square(meanX), tf.square(meanY));
    const covariance = tf.sub(windowed(tf.mul(x, y)), meanXY);
    const variances = tf.sub(windowed(tf.add(tf.square(x), tf.square(y))), squares);
    const numerator = tf.mul(tf.add(tf.mul(meanXY, 2), c1), tf.add(tf.mul(covariance, 2), c2));
    return tf.mean(tf.div(numerator, tf.mul(tf.add(squares, c1), tf.add(variances, c2))));
  });
}

/**
 * How sharp an image is next to the truth: the mean gradient magnitude of its Y channel over the truth's. 1 is as sharp,
 * less is blurred, more is noisier. Arguments as for `psnr`, with 3 channels; always measured on Y. NaN or Infinity where
 * the truth is of one colour, which has no edges to compare with.
 *
 * @throws as `psnr`.
 * @example
 * const ratio = await sharpness(output, truth, {crop: 4}); // about 0.5 for bicubic, 4 times
 */
export async function sharpness(image: tf.Tensor, truth: tf.Tensor, options: {crop?: number} = {}): Promise<number> {
  requireKnownOptions('sharpness', options, {crop: true});
  return measure('sharpness', image, truth, {...options, channel: 'y'}, (x, y) =>
    tf.div(gradientMagnitude(x), gradientMagnitude(y)),
  );
}

/** The Gaussian window, separable. */
const WINDOW = (() => {
  const values = Array.from({length: 11}, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)));
  const sum = values.reduce((a, b) => a + b);
  return values.map(value => value / sum);
})();

async function measure(
  owner: string,
  a: tf.Tensor,
  b: tf.Tensor,
  options: MetricOptions,
  compute: (x: tf.Tensor4D, y: tf.Tensor4D) => tf.Tensor,
): Promise<number> {
  requireKnownOptions(owner, options, METRIC_OPTIONS);
  const {crop = 0, channel = 'rgb'} = options;
  requirePair(owner, a, b);
  if (channel !== 'rgb' && channel !== 'y') {
    throw new Error(`${owner}: channel must be 'rgb' or 'y', but it is ${String(channel)}.`);
  }
  if (channel === 'y' && a.shape.at(-1) !== 3) {
    throw new Error(`${owner}: channel 'y' needs images of 3 channels, but these have ${a.shape.at(-1)}.`);
  }
  const [height, width] = a.shape.slice(-3) as [number, number];
  if (!Number.isInteger(crop) || crop < 0 || 2 * crop >= Math.min(height, width)) {
    throw new Error(
      `${owner}: crop must be a whole number that leaves some of ${height} x ${width} pixels, but it is ${crop}.`,
    );
  }
  const result = tf.tidy(() => {
    const [x, y] = [a, b].map(images => {
      const batch = (images.rank === 3 ? tf.expandDims(images, 0) : images) as tf.Tensor4D;
      const inner = tf.slice(batch, [0, crop, crop, 0], [-1, height - 2 * crop, width - 2 * crop, -1]);
      return (channel === 'y' ? luma(inner) : inner) as tf.Tensor4D;
    });
    return compute(x!, y!);
  });
  try {
    return (await result.data())[0]!;
  } finally {
    result.dispose();
  }
}

/** The weighted mean over the window around each pixel that has a whole one. */
function windowed(images: tf.Tensor4D): tf.Tensor {
  const [batch, height, width, channels] = images.shape;
  // Channels become images of one channel, so that one small filter serves all.
  const planes = tf.reshape<tf.Rank.R4>(tf.transpose(images, [0, 3, 1, 2]), [batch * channels, height, width, 1]);
  const down = tf.conv2d(planes, tf.tensor4d(WINDOW, [WINDOW.length, 1, 1, 1]), 1, 'valid');
  return tf.conv2d(down, tf.tensor4d(WINDOW, [1, WINDOW.length, 1, 1]), 1, 'valid');
}

function gradientMagnitude(plane: tf.Tensor4D): tf.Tensor {
  const [, height, width] = plane.shape;
  const part = (row: number, column: number) => tf.slice(plane, [0, row, column, 0], [-1, height - 1, width - 1, -1]);
  const squares = tf.add(tf.squaredDifference(part(0, 1), part(0, 0)), tf.squaredDifference(part(1, 0), part(0, 0)));
  return tf.mean(tf.sqrt(squares));
}
