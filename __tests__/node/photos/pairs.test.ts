import * as tf from '@tensorflow/tfjs';
import {rmSync, writeFileSync} from 'node:fs';
import {photoDataset, readImage} from 'tfjs-ragan/node';
import type {PhotoBatch, PhotoDatasetOptions, PhotoPair} from 'tfjs-ragan/node';
import {matchPairs} from '../../../src/node/photos/pairs.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {expectClose} from '../../support/values.js';

const inFolder = temporaryFolder();
const small = {patch: 32, scale: 4, batch: 4, seed: 7} satisfies PhotoDatasetOptions;

beforeAll(() => tf.setBackend('cpu'));

/** The values of a dataset's first batches, which are freed. */
async function batches(count: number, photos: Parameters<typeof photoDataset>[0], options: PhotoDatasetOptions = {}) {
  const iterator = await photoDataset(photos, {...small, ...options}).iterator();
  const taken = [];
  for (let i = 0; i < count; i++) {
    const {xs, ys} = (await iterator.next()).value as PhotoBatch;
    taken.push({xs: xs.arraySync(), ys: ys.arraySync()});
    tf.dispose([xs, ys]);
  }
  return taken;
}

/** A picture of a low resolution that no shrinking makes of the other: blue tells which photo it is. */
const lowPixel = (number: number) => (x: number, y: number) => [250 - 20 * x, 250 - 20 * y, 40 * number];

/** Pairs of 48 x 44 pixels at most. */
function writePairs(name: string, suffix = ''): PhotoPair {
  const folders = {low: inFolder(name, 'low'), high: inFolder(name, 'high')};
  for (const [i, below] of ['a', 'b', 'c/d'].entries()) {
    writePng(inFolder(name, 'low', `${below}${suffix}.png`), 12 - i, 11, lowPixel(i));
    writePng(inFolder(name, 'high', `${below}.png`), 4 * (12 - i), 44, (x, y) => [...placed(x, y).slice(0, 2), 40 * i]);
  }
  return folders;
}

test('both sides of a patch are of one pair, one place and one symmetry', async () => {
  const folders = writePairs('pairs');
  const [numbers, symmetries] = [new Set<number>(), new Set<string>()];
  for (const {xs, ys} of await batches(20, folders)) {
    for (const [i, low] of xs.entries()) {
      const at = (patch: number[][][], y: number, x: number) => patch[y]![x]!.map(value => Math.round(value * 255));
      const number = at(low, 0, 0)[2]! / 40;
      numbers.add(number);
      // The low-resolution pixel over every fourth one, wherever the patch was cut and however it was turned.
      for (const [y, x] of [
        [0, 0],
        [0, 7],
        [7, 0],
        [3, 5],
      ] as const) {
        const [red, green, blue] = at(low, y, x);
        const [column, row] = [(250 - red!) / 20, (250 - green!) / 20];
        // The four by four pixels that are below it, from whichever corner.
        const [right, down] = at(ys[i]!, 4 * y, 4 * x).map(value => value / 5);
        expect([Math.floor(right! / 4), Math.floor(down! / 4)]).toEqual([column, row]);
        expect([blue, at(ys[i]!, 4 * y, 4 * x)[2]]).toEqual([40 * number, 40 * number]);
      }
      const [origin, next] = [at(low, 0, 0), at(low, 0, 1)];
      const below = at(low, 1, 0);
      symmetries.add(
        [next, below].map(pixel => pixel.map((value, c) => Math.sign(value - origin[c]!)).join()).join(' '),
      );
    }
  }
  expect(numbers).toEqual(new Set([0, 1, 2]));
  expect(symmetries.size).toBe(8);
});

test('the low-resolution side is the file, bit for bit', async () => {
  const {low} = writePairs('exact');
  const photo = await readImage(inFolder('exact', 'low', 'a.png'));
  const pair = {low: `${low}/a.png`, high: inFolder('exact', 'high', 'a.png')};
  const {xs} = (await batches(1, [pair], {augment: false, batch: 8}))[0]!;
  for (const patch of xs) {
    const [left, top] = [0, 1].map(c => (250 - Math.round(patch[0]![0]![c]! * 255)) / 20);
    expectClose(patch.flat(2), await tf.slice(photo, [top!, left!, 0], [8, 8, 3]).data(), 1e-7);
  }
});

test('batches follow from the seed and their number alone', async () => {
  const folders = writePairs('seeded');
  const first = await batches(3, folders);
  expect(await batches(3, folders, {cacheBytes: 0})).toEqual(first);
  expect(await batches(1, folders, {firstBatch: 2})).toEqual(first.slice(2));
  expect(await batches(1, folders, {seed: 8})).not.toEqual(first.slice(0, 1));
});

describe('files are matched by name', () => {
  const match = (low: string[], high: string[], scale = 4) => {
    const warnings: string[] = [];
    const paths = (folder: string, names: string[]) => names.map(name => `${folder}/${name}`);
    const files = {low: paths('l', low), high: paths('h', high)};
    const pairs = matchPairs({low: 'l', high: 'h'}, files, scale, message => warnings.push(message));
    return {pairs: pairs.map(pair => `${pair.low.slice(2)} ${pair.high.slice(2)}`), warnings};
  };

  test('without extension, with the suffix of the scale or not', () => {
    expect(
      match(['0001x4.png', 'b/c.jpg', 'd.e.png', '1x4.png'], ['0001.png', 'b/c.webp', 'd.e.png', '1x4.jpg', '1.png']),
    ).toEqual({
      pairs: ['0001x4.png 0001.png', 'b/c.jpg b/c.webp', 'd.e.png d.e.png', '1x4.png 1x4.jpg'],
      warnings: ['leaving out 1 of 5 pictures in h, which l has no partner for: 1.png'],
    });
    expect(match(['a.png', 'ax4.png', '2x2.png', 'b.png', 'c.png', 'd.png'], ['a.png', '2.png'], 2)).toEqual({
      pairs: ['a.png a.png', '2x2.png 2.png'],
      warnings: ['leaving out 4 of 6 pictures in l, which h has no partner for: ax4.png, b.png, c.png, ...'],
    });
  });

  test('and refused where that is not clear', () => {
    expect(() => match(['a.png'], ['b/a.png'])).toThrow(
      'no picture in l has the name of one in h: pairs are photo.png, or photox4.png, and photo.png',
    );
    expect(() => match(['a.png', 'a.jpg'], ['a.png'])).toThrow('l/a.png and l/a.jpg have one name');
    expect(() => match(['a.png'], ['a.png', 'a.jpg'])).toThrow('h/a.png and h/a.jpg have one name');
    expect(() => match(['a.png', 'ax4.png'], ['a.png'])).toThrow(
      'l/a.png and l/ax4.png are both for h/a.png: keep one',
    );
  });
});

test('a folder of names with the suffix is learned from', async () => {
  const folders = writePairs('suffix', 'x4');
  expect(await batches(2, folders)).toEqual(await batches(2, writePairs('plain')));
});

test('a pair that is not of the scale is refused, with both files and both sizes', async () => {
  const folders = writePairs('wrong');
  const [low, high] = [inFolder('wrong', 'low', 'b.png'), inFolder('wrong', 'high', 'b.png')];
  await expect(batches(1, folders, {scale: 2})).rejects.toThrow('for a scale of 2 they would be 24 x 22');
  writePng(high, 45, 44, placed);
  const refusal = `${low} has 11 x 11 pixels and ${high} 45 x 44: for a scale of 4 they would be 44 x 44`;
  await expect(batches(1, folders)).rejects.toThrow(refusal);
  await expect(batches(1, [{low, high}])).rejects.toThrow(refusal);
});

test('pairs of which a side is broken or too small are skipped with a warning; none that can be used is an error', async () => {
  const folders = writePairs('broken');
  writePng(inFolder('broken', 'low', 'tiny.png'), 7, 9, placed);
  writePng(inFolder('broken', 'high', 'tiny.png'), 28, 36, placed);
  writeFileSync(inFolder('broken', 'low', 'a.png'), 'no picture');
  const warnings: string[] = [];
  const options = {onWarning: (message: string) => warnings.push(message)};
  await batches(10, folders, options);
  expect(warnings.sort()).toEqual([
    `skipping a photo: ${inFolder('broken', 'high', 'tiny.png')} has 28 x 36 pixels, and patches have 32 x 32`,
    expect.stringMatching(/^skipping a photo: cannot decode .*low.a\.png: /) as unknown,
  ]);
  for (const name of ['b.png', 'c/d.png']) rmSync(inFolder('broken', 'high', name));
  await expect(batches(1, folders, options)).rejects.toThrow(
    `no usable photo in the folders ${folders.low} and ${folders.high}: every one is broken or smaller than 32 x 32 pixels`,
  );
  expect(() => photoDataset({...folders, middle: ''} as PhotoPair)).toThrow("unknown option 'middle'");
  await expect(batches(1, {...folders, low: inFolder('none')})).rejects.toThrow('it does not exist');
});

test('those to leave out go by the large one', async () => {
  const folders = writePairs('except');
  const except = ['a.png', 'b.png'].map(name => inFolder('except', 'high', name));
  for (const {xs} of await batches(4, folders, {except})) {
    for (const patch of xs) expect(Math.round(patch[0]![0]![2]! * 255)).toBe(80);
  }
});
