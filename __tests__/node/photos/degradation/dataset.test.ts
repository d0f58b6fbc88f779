import * as tf from '@tensorflow/tfjs';
import {photoDataset, realEsrganDegradation} from 'tfjs-ragan/node';
import type {DegradationRound, PhotoBatch, PhotoDatasetOptions} from 'tfjs-ragan/node';
import {degrade} from '../../../../src/node/photos/degradation/degrade.js';
import {REAL_ESRGAN_DEGRADATION} from '../../../../src/node/photos/degradation/options.js';
import {DegradationPool} from '../../../../src/node/photos/degradation/pool.js';
import {seededRandom} from '../../../../src/seeded-random.js';
import {placed, writePng} from '../../../support/photos.js';
import {temporaryFolder} from '../../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const small = {
  patch: 32,
  scale: 4,
  batch: 4,
  seed: 7,
  degradation: realEsrganDegradation(),
} satisfies PhotoDatasetOptions;

beforeAll(async () => {
  await tf.setBackend('cpu');
  // Red tells x and green y, and nothing else changes.
  writePng(inFolder('slopes', 'photo.png'), 49, 40, (x, y) => [5 * x, 5 * y, 100]);
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `${i}.png`), 49, 36 + i, (x, y) => placed(x, y + i));
});

async function batches(count: number, options: PhotoDatasetOptions = {}, folder = 'photos') {
  const iterator = await photoDataset(inFolder(folder), {...small, ...options}).iterator();
  const taken = [];
  for (let i = 0; i < count; i++) {
    const {xs, ys} = (await iterator.next()).value as PhotoBatch;
    taken.push({xs: xs.arraySync(), ys: ys.arraySync()});
    tf.dispose([xs, ys]);
  }
  return taken;
}

test('a patch follows from the seed and its number alone, and lies within 0 and 1', async () => {
  const first = await batches(3);
  expect(await batches(3)).toEqual(first);
  expect(await batches(1, {firstBatch: 2})).toEqual(first.slice(2));
  expect((await batches(1, {seed: 8}))[0]!.xs).not.toEqual(first[0]!.xs);
  const values = first.flatMap(({xs}) => xs.flat(3));
  expect(values.every(value => value >= 0 && value <= 1)).toBe(true);
  expect(first[0]!.xs.flat(3)).toHaveLength(4 * 8 * 8 * 3);
});

test('the truth is what it is without, and what is learned from comes close to its colours', async () => {
  const plain = await batches(2);
  const without: PhotoDatasetOptions = {...small};
  delete without.degradation;
  const iterator = await photoDataset(inFolder('photos'), without).iterator();
  for (const {xs, ys} of plain) {
    const usual = (await iterator.next()).value as PhotoBatch;
    expect(ys).toEqual(usual.ys.arraySync());
    expect(xs).not.toEqual(usual.xs.arraySync());
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(Math.abs(mean(xs.flat(3)) - mean(ys.flat(3)))).toBeLessThan(0.1);
    tf.dispose([usual.xs, usual.ys]);
  }
});

test('where nothing is degraded, both sides show one place in one symmetry', async () => {
  const nothing: DegradationRound = {
    ...{blurProbability: 0, resizeProbabilities: [0, 0, 1], gaussianProbability: 1},
    ...{gaussianSigma: [0, 0], jpegQuality: [100, 100]},
  };
  const degradation = realEsrganDegradation({first: nothing, second: nothing, finalSincProbability: 0});
  for (const {xs, ys} of await batches(6, {degradation}, 'slopes')) {
    for (const [i, patch] of ys.entries()) {
      const [low, high] = [tf.tensor3d(xs[i]!), tf.tensor3d(patch)];
      const slopes = (image: tf.Tensor3D) => tf.slice(image, [0, 0, 0], [-1, -1, 2]);
      const expected = tf.avgPool(slopes(high), 4, 4, 'valid');
      const difference = tf.mean(tf.abs(tf.sub(slopes(low), expected)));
      // A pixel to the side it is 20 in one of the two.
      expect(difference.dataSync()[0]!).toBeLessThan(4 / 255);
    }
  }
});

test('any number of workers gives the same, also after they have been idle', async () => {
  const high = {
    data: Uint8Array.from({length: 32 * 32 * 3}, (_, i) => (i * 7919) % 251),
    width: 32,
    height: 32,
    channels: 3,
  } as const;
  const job = (index: number) => ({high, values: REAL_ESRGAN_DEGRADATION, scale: 4, keys: [1, index]});
  const all = (pool: DegradationPool) => Promise.all([0, 1, 2, 3, 4].map(index => pool.run(job(index))));
  const [one, three] = [new DegradationPool(1), new DegradationPool(3)];
  const expected = [];
  for (let i = 0; i < 5; i++) expected.push(await degrade(high, REAL_ESRGAN_DEGRADATION, 4, seededRandom(1, i)));
  const pixels = (made: {data: ArrayLike<number>}[]) => made.map(({data}) => Array.from(data));
  for (const pool of [one, three, one]) expect(pixels(await all(pool))).toEqual(pixels(expected));
  // What goes wrong in one is told, and the next job is done.
  await expect(one.run({...job(0), values: {} as never})).rejects.toThrow(/undefined/);
  expect(pixels([await one.run(job(0))])).toEqual(pixels(expected.slice(0, 1)));
});

test('pairs have no degradation, and it must be one', () => {
  const pairs = {low: 'a', high: 'b'};
  expect(() => photoDataset(pairs, small)).toThrow(
    'pairs have low-resolution sides of their own: leave degradation out',
  );
  expect(() => photoDataset('a', {degradation: {} as never})).toThrow('must be what realEsrganDegradation gives');
});
