import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {seededRandom} from '../seeded-random.js';

/** What `latents` makes. */
export interface LatentsOptions {
  /** The shape of one sample's noise, without the batch: `[64]`, say, as the generator's input has it. */
  shape: number[];
  /** Samples in a batch. Default 16. */
  batch?: number;
  /** Whole number that all the noise follows from. Default 0. */
  seed?: number;
  /** The number of the first batch, to go on where a run stopped. Default 0. */
  firstBatch?: number;
}

const LATENTS_OPTIONS: OptionNames<LatentsOptions> = {shape: true, batch: true, seed: true, firstBatch: true};

/**
 * Endless batches of standard normal noise, from which the generator of an unconditional GAN makes its samples. Batch i
 * depends on the options and on i alone, and is the same on every backend.
 *
 * Zipped with the real samples it is what `GAN.fitDataset` takes. Let the real ones repeat, as here: a zip that is repeated
 * begins the noise anew each time.
 *
 * @returns a dataset of tensors `[batch, ...shape]`, float32.
 * @throws if an option is unknown or out of range.
 * @example
 * const real = tf.data.array([[0, 1], [1, 0], [1, 1]]).repeat().shuffle(100).batch(16);
 * const noise = latents({shape: [8], batch: 16, seed: 1});
 * await gan.fitDataset(tf.data.zip({xs: noise, ys: real}), {epochs: 1, batchesPerEpoch: 100});
 */
export function latents(options: LatentsOptions): tf.data.Dataset<tf.Tensor> {
  requireKnownOptions('latents', options, LATENTS_OPTIONS);
  const {shape, batch = 16, seed = 0, firstBatch = 0} = options;
  if (!Array.isArray(shape) || !shape.every(size => Number.isInteger(size) && size >= 1)) {
    throw new Error(
      `latents: shape must be an array of whole numbers of at least 1, such as [64], but it is ${JSON.stringify(shape)}.`,
    );
  }
  requireWhole('batch', batch, 1);
  requireWhole('seed', seed);
  requireWhole('firstBatch', firstBatch, 0);
  const whole = [batch, ...shape];
  return tf.data.generator(function* () {
    for (let index = firstBatch; ; index++) {
      yield tf.tensor(standardNormal(tf.util.sizeFromShape(whole), seededRandom(seed, index)), whole);
    }
  });
}

/** So many standard normal numbers of uniform ones in [0, 1), in pairs. Box and Muller, 1958. */
function standardNormal(count: number, random: () => number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    // 1 less the number: that is never 0, whose logarithm is not finite.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    values[i] = radius * Math.cos(angle);
    // Beyond an odd count's end it is lost.
    values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

function requireWhole(name: string, value: number, least = -Infinity): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  const range = least === -Infinity ? '' : ` of at least ${least}`;
  throw new Error(`latents: ${name} must be a whole number${range}, but it is ${value}.`);
}
