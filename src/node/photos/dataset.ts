import * as tf from '@tensorflow/tfjs';
import type {Rectangle} from '../../images/resize-array.js';
import {resizeArray} from '../../images/resize-array.js';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {PhotoFile, PhotoPair} from './pairs.js';
import {PHOTO_PAIR} from './pairs.js';
import {Degradation, degradedPart} from './degradation/degradation.js';
import {requireSharp} from './degradation/jpeg.js';
import type {StoredPhoto} from './store.js';
import {PhotoStore} from './store.js';
import type {Pixels} from './pixels.js';
import {cutPixels} from './pixels.js';
import {seededRandom} from '../../seeded-random.js';

/** How `photoDataset` cuts patches. */
export interface PhotoDatasetOptions {
  /** Height and width of the high-resolution patches: a multiple of `scale`. Default 128. */
  patch?: number;
  /** Patches in a batch. Default 16. */
  batch?: number;
  /** How many times smaller the low-resolution side is. Default 4. */
  scale?: number;
  /** Whole number that all random choices follow from. Default 0. */
  seed?: number;
  /** How the low-resolution side is made: see `realEsrganDegradation`. Default: by bicubic shrinking, as in the benchmarks. */
  degradation?: Degradation;
  /** Flip and quarter-turn patches at random. Default true. */
  augment?: boolean;
  /** The number of the first batch, to go on where a run stopped. Default 0. */
  firstBatch?: number;
  /** Bytes of decoded photos to keep in memory, besides those of the batch being made. Default 1 GiB. */
  cacheBytes?: number;
  /** Photos of the folder to leave out, by path as `listImages` gives it; of pairs that of the large one. Default: none. */
  except?: string[];
  /** Told of photos that cannot be used, by name. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

const PHOTO_DATASET_OPTIONS: OptionNames<PhotoDatasetOptions> = {
  patch: true,
  batch: true,
  scale: true,
  seed: true,
  degradation: true,
  augment: true,
  firstBatch: true,
  cacheBytes: true,
  except: true,
  onWarning: true,
};

/** A batch for super-resolution: `xs` low resolution, `ys` high, float32 in [0, 1]. */
export interface PhotoBatch extends tf.TensorContainerObject {
  /** `[batch, patch / scale, patch / scale, 3]`. */
  xs: tf.Tensor4D;
  /** `[batch, patch, patch, 3]`. */
  ys: tf.Tensor4D;
}

/**
 * Endless batches of random patches from a folder of photos and the folders below it, or from the photos given by path; or from
 * pairs of photos, where the low-resolution side is not to be computed: two folders, whose files are matched by name, or the
 * pairs given by path.
 *
 * Each patch comes from a photo drawn uniformly, at a uniform place, flipped and turned at random. The low-resolution
 * side is cut from the whole photo shrunk by MATLAB's antialiased bicubic (see `bicubicDownscale`) and rounded to 8
 * bits, as in the published benchmarks; that of a pair is cut from its file, at the same place. Batch i depends on the seed,
 * i and the photos alone. The photos of the next batch are decoded, and degraded, on other threads while one trains; calls
 * that overlap are answered in turn. Broken photos and those smaller than a patch are skipped with a warning.
 *
 * Files of pairs have the same path from their folders but for the extension, and but for an `x4` at the end of the small
 * one's name (4 for a scale of 4).
 *
 * @returns a dataset of `{xs: [batch, patch / scale, patch / scale, 3], ys: [batch, patch, patch, 3]}`.
 * @throws at once if an option is unknown or out of range; from the dataset, one line if a folder is missing, cannot be read, or
 *   has no usable photo, or if the sides of a pair are not of one scale, naming both files and sizes.
 * @example
 * const dataset = photoDataset('photos', {patch: 64, batch: 8, seed: 1});
 * const pairs = photoDataset({low: 'DIV2K/LR_bicubic/X4', high: 'DIV2K/HR'}, {patch: 128, scale: 4});
 */
export function photoDataset(
  photos: string | PhotoPair | readonly (string | PhotoPair)[],
  options: PhotoDatasetOptions = {},
): tf.data.Dataset<PhotoBatch> {
  requireKnownOptions('photoDataset', options, PHOTO_DATASET_OPTIONS);
  const pairs =
    typeof photos === 'string' ? [] : ([photos].flat() as PhotoFile[]).filter(photo => typeof photo !== 'string');
  for (const pair of pairs) requireKnownOptions('photoDataset pair', pair, PHOTO_PAIR);
  const {patch = 128, batch = 16, scale = 4, seed = 0, augment = true, firstBatch = 0} = options;
  const {cacheBytes = 2 ** 30, except = [], onWarning = console.warn, degradation} = options;
  if (degradation !== undefined && !(degradation instanceof Degradation)) {
    throw new Error('photoDataset: degradation must be what realEsrganDegradation gives.');
  }
  if (degradation && pairs.length > 0) {
    throw new Error('photoDataset: pairs have low-resolution sides of their own: leave degradation out.');
  }
  requireWhole({batch, scale, patch}, 1);
  requireWhole({firstBatch}, 0);
  if (!(cacheBytes >= 0)) throw new Error(`photoDataset: cacheBytes must be at least 0, but it is ${cacheBytes}.`);
  if (!Number.isInteger(seed)) throw new Error(`photoDataset: seed must be a whole number, but it is ${seed}.`);
  if (patch % scale !== 0) {
    throw new Error(`photoDataset: patch must be a multiple of scale, ${scale}, but it is ${patch}.`);
  }
  const low = patch / scale;

  /** The low-resolution side of a patch. */
  const lowPart = ({high, low}: StoredPhoto, part: Rectangle, number: number) => {
    if (low) return cutPixels(low, part);
    if (degradation) return degradedPart(degradation, high, part, {scale, seed, index: number});
    return shrinkPart(high, scale, part);
  };

  const makeBatch = async (store: PhotoStore, index: number) => {
    const xs = new Float32Array(batch * low * low * 3);
    const ys = new Float32Array(batch * patch * patch * 3);
    const random = seededRandom(seed, index);
    const choices = Array.from({length: batch}, () => [random(), random(), random(), random()] as const);
    // All at once, so that they are decoded side by side even while a training step holds this thread.
    await Promise.all(
      choices.map(async ([place, across, down, turn], i) => {
        const photo = await store.at(place);
        const left = Math.floor(across * (photo.high.width / scale - low + 1));
        const top = Math.floor(down * (photo.high.height / scale - low + 1));
        const symmetry = augment ? Math.floor(turn * 8) : 0;
        const part = {left, top, width: low, height: low};
        const small = await lowPart(photo, part, index * batch + i);
        copyPatch(small, 0, 0, low, symmetry, xs, i * low * low * 3);
        copyPatch(photo.high, left * scale, top * scale, patch, symmetry, ys, i * patch * patch * 3);
      }),
    );
    return {xs, ys};
  };

  const iterate = (): AsyncIterator<PhotoBatch> => {
    const store = PhotoStore.open(photos, {patch, scale, cacheBytes, except, onWarning});
    const prepare = (index: number) => {
      const making = store.then(async opened => {
        if (degradation) await requireSharp();
        return makeBatch(opened, index);
      });
      // Its failure is for the call that awaits it, not for the process.
      making.catch(() => undefined);
      return making;
    };
    let index = firstBatch;
    let following = prepare(index);
    const next = async () => {
      const {xs, ys} = await following;
      following = prepare(++index);
      return {xs: tf.tensor4d(xs, [batch, low, low, 3]), ys: tf.tensor4d(ys, [batch, patch, patch, 3])};
    };
    // One call after the other: a dataset that looks ahead asks before it is answered.
    let last: Promise<unknown> = Promise.resolve();
    return {
      next: async () => {
        const value = last.then(next, next);
        last = value;
        return {done: false, value: await value};
      },
    };
  };
  // The function's type asks for an iterator; what it awaits may be an asynchronous one.
  return tf.data.generator(iterate);
}

function requireWhole(options: Record<string, number>, least: number): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isInteger(value) || value < least) {
      throw new Error(`photoDataset: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
    }
  }
}

/** A part of the low-resolution photo, rounded to 8 bits as the files of every benchmark are. */
function shrinkPart(photo: Pixels, scale: number, part: Rectangle): Pixels {
  const {data, width, height} = resizeArray(photo, 1 / scale, part);
  const pixels = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) pixels[i] = Math.round(data[i]!);
  return {data: pixels, width, height, channels: 3};
}

/** Copies a square patch, in one of the 8 symmetries of the square, scaled to [0, 1]. */
function copyPatch(
  {data, width}: Pixels,
  left: number,
  top: number,
  size: number,
  symmetry: number,
  target: Float32Array,
  to: number,
): void {
  const [transposed, flipped, mirrored] = [symmetry & 1, symmetry & 2, symmetry & 4];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [a, b] = transposed ? [column, row] : [row, column];
      const y = top + (flipped ? size - 1 - a : a);
      const x = left + (mirrored ? size - 1 - b : b);
      const from = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) target[to++] = data[from + channel]! / 255;
    }
  }
}
