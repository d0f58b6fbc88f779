// The digits: 1,797 pictures of 8x8 pixels, of which the last 297 are held out.
import * as tf from '@tensorflow/tfjs';
import {latents} from 'tfjs-ragan';
import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';

export const SIZE = 8;
export const CLASSES = 10;
export const LATENTS = 32;
const HELD_OUT = 297;

/** The pictures, `[count, 8, 8, 1]` from -1 to 1, and their digits, `[count]` int32: those to learn from and those held out. */
export function readDigits() {
  const file = new URL('digits.csv.gz', import.meta.url);
  const rows = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  const values = rows.map(row => row.split(',').map(Number));
  const part = chosen => ({
    pictures: tf.tidy(() =>
      tf
        .tensor2d(chosen.map(row => row.slice(0, -1)))
        .div(8)
        .sub(1)
        .reshape([-1, SIZE, SIZE, 1]),
    ),
    digits: tf.tensor1d(
      chosen.map(row => row.at(-1)),
      'int32',
    ),
  });
  return {train: part(values.slice(0, -HELD_OUT)), heldOut: part(values.slice(-HELD_OUT))};
}

/**
 * Endless batches for `GAN.fitDataset`: the generator is given noise and a digit, and the critic a picture and its digit.
 * Batch i depends on the seed and i alone.
 */
export function digitBatches({pictures, digits}, {batch, seed, firstBatch}) {
  const real = tf.data.generator(function* () {
    for (let index = firstBatch + 1; ; index++) {
      yield tf.tidy(() => {
        const chosen = tf.randomUniform([batch], 0, digits.shape[0], 'int32', 1_000_000 * seed + index);
        return {pictures: tf.gather(pictures, chosen), digit: oneHot(tf.gather(digits, chosen))};
      });
    }
  });
  const zipped = tf.data.zip({noise: latents({shape: [LATENTS], batch, seed, firstBatch}), real});
  return zipped.map(batchOf);
}

/** What is given to the generator, and the real pictures with what the critic is told of them. */
function batchOf(value) {
  const {noise, real} = value;
  return {xs: [noise, real.digit], ys: real.pictures, condition: real.digit};
}

/** `[count, 10]`: 1 at the digit. */
export function oneHot(digits) {
  return tf.oneHot(digits, CLASSES).toFloat();
}
