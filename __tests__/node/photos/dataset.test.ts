import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {basename} from 'node:path';
import sharp from 'sharp';
import {bicubicDownscale} from 'tfjs-ragan';
import type * as nodeEntry from 'tfjs-ragan/node';
import {listImages, photoDataset, readImage} from 'tfjs-ragan/node';
import type {PhotoBatch, PhotoDatasetOptions} from 'tfjs-ragan/node';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {expectClose} from '../../support/values.js';

const inFolder = temporaryFolder();
const small = {patch: 32, scale: 4, batch: 4, seed: 7} satisfies PhotoDatasetOptions;

beforeAll(() => tf.setBackend('cpu'));

/** The values of a dataset's first batches, which are freed. */
async function batches(count: number, folder: string, options: PhotoDatasetOptions = {}) {
  const iterator = await photoDataset(folder, {...small, ...options}).iterator();
  const taken = [];
  for (let i = 0; i < count; i++) taken.push(valuesOf((await iterator.next()).value as PhotoBatch));
  return taken;
}

function valuesOf({xs, ys}: PhotoBatch) {
  const values = {xs: xs.arraySync(), ys: ys.arraySync()};
  tf.dispose([xs, ys]);
  return values;
}

/** The pixel (x, y) of a picture, from 0 to 255. */
async function pixelOf(file: string, x = 5, y = 5, options = {}) {
  const image = await readImage(file, options);
  const pixel = Array.from(await tf.slice(image, [y, x, 0], [1, 1, -1]).data(), value => Math.round(value * 255));
  return {width: image.shape[1], height: image.shape[0], pixel};
}

describe('a folder of odd files', () => {
  const folder = () => inFolder('odd');
  const flat = (channels: 3 | 4, background: object, width = 48, height = 40) =>
    sharp({create: {width, height, channels, background: {r: 200, g: 100, b: 50, ...background}}});
  const constant16 = (values: number[]) =>
    sharp(
      Uint16Array.from({length: 48 * 40 * values.length}, (_, i) => values[i % values.length]!),
      {raw: {width: 48, height: 40, channels: values.length as 3 | 4}},
    );

  beforeAll(async () => {
    mkdirSync(folder());
    const file = (...names: string[]) => inFolder('odd', ...names);
    const noise = sharp(
      Uint8Array.from({length: 48 * 40 * 3}, (_, i) => (i * 7919) % 251),
      {
        raw: {width: 48, height: 40, channels: 3},
      },
    );
    const jpeg = await noise.clone().jpeg().toBuffer();
    const png = await noise.clone().png().toBuffer();
    writeFileSync(file('cut-short.jpg'), jpeg.subarray(0, jpeg.length * 0.6));
    writeFileSync(file('cut-short.png'), png.subarray(0, png.length * 0.6));
    writeFileSync(file('text.png'), 'no picture');
    writeFileSync(file('empty.jpg'), '');
    writeFileSync(file('notes.txt'), 'no picture, and not called one');
    writeFileSync(file('.hidden.png'), 'no picture, but hidden');
    mkdirSync(file('folder.png'));
    await flat(3, {}, 31, 64).png().toFile(file('narrow.png'));

    await flat(3, {r: 124, g: 124, b: 124}).toColourspace('b-w').png().toFile(file('grey.png'));
    await flat(3, {r: 124, g: 124, b: 124}).toColourspace('b-w').jpeg().toFile(file('grey.jpg'));
    await flat(4, {r: 100, g: 100, b: 100, alpha: 0.5}).toColourspace('b-w').png().toFile(file('grey-alpha.png'));
    await constant16([0x8040, 0x4020, 0xffff]).toColourspace('rgb16').png().toFile(file('sixteen.png'));
    await constant16([0x4000, 0x4000, 0x4000, 0x8000]).toColourspace('rgb16').png().toFile(file('sixteen-alpha.png'));
    await flat(4, {alpha: 0.5}).png().toFile(file('transparent.png'));
    await flat(4, {alpha: 0}).png({palette: true}).toFile(file('palette.png'));
    await flat(3, {}).toColourspace('cmyk').jpeg({quality: 100}).toFile(file('cmyk.jpg'));
    await sharp(
      Uint8Array.from({length: 48 * 120 * 3}, (_, i) => 40 * Math.floor(i / (48 * 40 * 3))),
      {
        raw: {width: 48, height: 120, channels: 3, pageHeight: 40},
      },
    )
      .webp({lossless: true, delay: [10, 10, 10]})
      .toFile(file('animated.webp'));
    writePng(file('turned.png'), 48, 40, (x, y) => (x < 24 && y < 20 ? [200, 0, 0] : [0, 0, 200]));
    await sharp(file('turned.png')).jpeg().withMetadata({orientation: 6}).toFile(file('turned.jpg'));
    rmSync(file('turned.png'));
    await flat(3, {}).png().toFile(file('UPPER.PNG'));
    mkdirSync(file('below'));
    await flat(3, {}).jpeg().toFile(file('below', 'brackets [1] é.jpeg'));
    // Named as what it isn't.
    copyFileSync(file('grey.jpg'), file('jpeg.png'));
  });

  test.each<[string, number[], number[]?]>([
    ['grey.png', [124, 124, 124]],
    ['grey.jpg', [124, 124, 124]],
    ['jpeg.png', [124, 124, 124]],
    ['grey-alpha.png', [177, 177, 177], [100, 100, 100, 128]],
    ['sixteen.png', [128, 64, 255]],
    ['sixteen-alpha.png', [159, 159, 159], [64, 64, 64, 128]],
    ['transparent.png', [227, 177, 152], [200, 100, 50, 128]],
    ['palette.png', [255, 255, 255], [0, 0, 0, 0]],
    ['animated.webp', [0, 0, 0]],
    ['UPPER.PNG', [200, 100, 50]],
  ])('%s is read as sRGB of 8 bits', async (name, opaque, withAlpha = opaque) => {
    const file = inFolder('odd', name);
    expect(await pixelOf(file)).toEqual({width: 48, height: 40, pixel: opaque});
    const {pixel} = await pixelOf(file, 5, 5, {alpha: true});
    // What shows through where nothing is visible is the file's own affair.
    if (withAlpha[3] === 0) expect(pixel[3]).toBe(0);
    else expect(pixel).toEqual(withAlpha);
  });

  test('CMYK and EXIF turns are undone', async () => {
    const {pixel} = await pixelOf(inFolder('odd', 'cmyk.jpg'));
    // Through the gamut of print.
    pixel.forEach((value, i) => expect(Math.abs(value - [200, 100, 50][i]!)).toBeLessThan(40));
    // A quarter turn to the right: the red corner goes from the left to the right.
    const turned = await pixelOf(inFolder('odd', 'turned.jpg'), 35, 5);
    expect([turned.width, turned.height]).toEqual([40, 48]);
    expect(turned.pixel[0]).toBeGreaterThan(180);
  });

  test('trains to the end; what cannot be used is named in one warning each', async () => {
    const files = (await listImages(folder())).map(file => basename(file));
    expect(files).toContain('brackets [1] é.jpeg');
    for (const name of ['.hidden.png', 'notes.txt', 'folder.png']) expect(files).not.toContain(name);
    const warnings: string[] = [];
    const taken = await batches(40, folder(), {onWarning: message => warnings.push(message)});
    expect(taken.flat().every(({ys}) => ys.flat(3).every(value => value >= 0 && value <= 1))).toBe(true);
    const path = (name: string) => inFolder('odd', name);
    expect(warnings.sort()).toEqual([
      `left out 1 file in ${folder()}, of kinds that are not read as photos: 1 .txt`,
      `skipping a photo: ${path('narrow.png')} has 31 x 64 pixels, and patches have 32 x 32`,
      expect.stringMatching(/^skipping a photo: cannot decode .*cut-short\.jpg: .*premature end/) as unknown,
      expect.stringMatching(/^skipping a photo: cannot decode .*cut-short\.png: /) as unknown,
      `skipping a photo: cannot decode ${path('empty.jpg')}: it is empty`,
      expect.stringMatching(/^skipping a photo: cannot decode .*text\.png: .*unsupported image format/) as unknown,
    ]);
  });
});

test('a folder is listed without what is no file, which a named pipe is not', async () => {
  const path = (name: string) => inFolder('special', name);
  writePng(path('a.png'), 40, 40, placed);
  symlinkSync(path('a.png'), path('link.png'));
  symlinkSync(path('nowhere.png'), path('dangling.png'));
  symlinkSync(inFolder('special'), path('folder.png'));
  if (process.platform !== 'win32') execFileSync('mkfifo', [path('pipe.png')]);
  expect(await listImages(inFolder('special'))).toEqual([path('a.png')]);
});

describe('patches', () => {
  // Neither side is a multiple of the scale.
  const folder = () => inFolder('placed');
  beforeAll(() => writePng(inFolder('placed', 'photo.png'), 51, 46, placed));

  test('are cut uniformly, with the low-resolution side from the whole photo shrunk', async () => {
    const photo = await readImage(inFolder('placed', 'photo.png'));
    const whole = bicubicDownscale(tf.slice(photo, [0, 0, 0], [44, 48, 3]), 4);
    const places = new Set<string>();
    let [worst, fraction] = [0, 0];
    for (const {xs, ys} of await batches(20, folder(), {augment: false})) {
      for (const [i, patch] of ys.entries()) {
        const [red, green] = patch[0]![0]!.map(value => Math.round(value * 255));
        const [left, top] = [red! / 20, green! / 20];
        places.add(`${left} ${top}`);
        expectClose(patch.flat(2), await tf.slice(photo, [4 * top, 4 * left, 0], [32, 32, 3]).data(), 1e-7);
        const unrounded = await tf.slice(whole, [top, left, 0], [8, 8, 3]).data();
        const low = xs[i]!.flat(2);
        low.forEach((value, j) => {
          worst = Math.max(worst, Math.abs(value * 255 - Math.min(255, Math.max(0, unrounded[j]! * 255))));
          fraction = Math.max(fraction, Math.abs(value * 255 - Math.round(value * 255)));
        });
      }
    }
    expect(worst).toBeLessThan(0.5 + 1e-3);
    expect(fraction).toBeLessThan(1e-4);
    // All of the 5 x 4 places that are multiples of the scale.
    expect(places.size).toBe(20);
  });

  test('come in all 8 symmetries, both sides alike', async () => {
    const symmetries = new Set<string>();
    for (const {xs, ys} of await batches(16, folder())) {
      for (const [i, patch] of ys.entries()) {
        const corner = (y: number, x: number) => patch[y]![x]!.slice(0, 2);
        const [origin, right, below] = [corner(0, 0), corner(0, 31), corner(31, 0)];
        symmetries.add([right, below].map(at => at.map((value, c) => Math.sign(value - origin[c]!)).join()).join(' '));
        // Away from the patch's border, shrinking the patch is cutting from the shrunk photo.
        const own = tf.slice(bicubicDownscale(tf.tensor3d(patch), 4), [2, 2, 0], [4, 4, 3]).flatten();
        const cut = tf.slice(tf.tensor3d(xs[i]!), [2, 2, 0], [4, 4, 3]).flatten();
        const difference = await tf.max(tf.abs(tf.sub(tf.clipByValue(own, 0, 1), cut))).data();
        expect(difference[0]! * 255).toBeLessThan(0.5 + 1e-3);
      }
    }
    expect(symmetries.size).toBe(8);
  });

  test('follow from the seed and the number of the batch alone', async () => {
    for (let i = 0; i < 6; i++) writePng(inFolder('many', `${i}.png`), 40, 40 + i, (x, y) => placed(x + i, y));
    const many = inFolder('many');
    const first = await batches(4, many);
    expect(await batches(4, many, {cacheBytes: 0})).toEqual(first);
    expect(await batches(2, many, {firstBatch: 2})).toEqual(first.slice(2));
    expect(await batches(1, many, {seed: 8})).not.toEqual(first.slice(0, 1));
    expect(first[0]).not.toEqual(first[1]);
  });

  test('come once each and in order to those who ask for several at a time', async () => {
    const expected = await batches(6, inFolder('many'));
    const dataset = photoDataset(inFolder('many'), small);
    const ahead = await dataset.prefetch(3).iterator();
    for (const batch of expected) expect(valuesOf((await ahead.next()).value as PhotoBatch)).toEqual(batch);
    const iterator = await dataset.iterator();
    const together = await Promise.all(expected.map(() => iterator.next()));
    expect(together.map(({value}) => valuesOf(value as PhotoBatch))).toEqual(expected);
  });

  test('take no tensors but those handed out', async () => {
    const before = tf.memory().numTensors;
    const iterator = await photoDataset(folder(), small).iterator();
    for (let i = 0; i < 50; i++) {
      const {xs, ys} = (await iterator.next()).value as PhotoBatch;
      expect(xs.shape).toEqual([4, 8, 8, 3]);
      expect(ys.shape).toEqual([4, 32, 32, 3]);
      tf.dispose([xs, ys]);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a folder that changes during a run', () => {
  test('photos that vanish or break are skipped with a warning', async () => {
    for (const name of ['a', 'b', 'c']) writePng(inFolder('changing', `${name}.png`), 40, 40, placed);
    const warnings: string[] = [];
    const options = {...small, cacheBytes: 0, onWarning: (message: string) => warnings.push(message)};
    const iterator = await photoDataset(inFolder('changing'), options).iterator();
    await iterator.next();
    rmSync(inFolder('changing', 'a.png'));
    writeFileSync(inFolder('changing', 'b.png'), readFileSync(inFolder('changing', 'b.png')).subarray(0, 200));
    for (let i = 0; i < 20; i++) expect((await iterator.next()).done).toBe(false);
    expect(warnings.sort()).toEqual([
      expect.stringMatching(/^skipping a photo: cannot decode .*b\.png/) as unknown,
      `skipping a photo: cannot read ${inFolder('changing', 'a.png')}: it does not exist`,
    ]);
  });

  test('the next batch is decoded even while a training step holds the thread', async () => {
    for (let i = 0; i < 8; i++) writePng(inFolder('ahead', `${i}.png`), 100, 100, placed);
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const iterator = await photoDataset(inFolder('ahead'), {...small, batch: 8, cacheBytes: 0, onWarning}).iterator();
    await iterator.next();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    rmSync(inFolder('ahead'), {recursive: true});
    expect((await iterator.next()).done).toBe(false);
    expect(warnings).toEqual([]);
  });
});

test('a batch that cannot be made fails for the one who takes it, and harms no one who does not', async () => {
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  writeFileSync(inFolder('useless', 'text.png'), 'no picture');
  const onWarning = jest.fn();
  const iterator = await photoDataset(inFolder('useless'), {...small, onWarning}).iterator();
  while (onWarning.mock.calls.length === 0) await new Promise(resolve => setTimeout(resolve, 5));
  await new Promise(resolve => setTimeout(resolve, 20));
  expect(unhandled).not.toHaveBeenCalled();
  process.off('unhandledRejection', unhandled);
  for (let i = 0; i < 2; i++) {
    await expect(iterator.next()).rejects.toThrow(
      /^no usable photo in the folder .*: every one is broken or smaller than 32 x 32 pixels$/,
    );
  }
});

describe('without sharp', () => {
  const withoutSharp = (use: (node: typeof nodeEntry) => Promise<void>) =>
    jest.isolateModulesAsync(async () => {
      jest.doMock('@tensorflow/tfjs', () => tf);
      jest.doMock('sharp', () => {
        throw Object.assign(new Error("Cannot find module 'sharp'"), {code: 'MODULE_NOT_FOUND'});
      });
      await use(await import('tfjs-ragan/node'));
    });
  afterAll(() => {
    jest.dontMock('@tensorflow/tfjs');
    jest.dontMock('sharp');
  });

  test('PNG is read and written the same', () =>
    withoutSharp(async node => {
      for (const name of ['grey.png', 'sixteen.png', 'sixteen-alpha.png', 'transparent.png', 'palette.png']) {
        for (const alpha of name === 'palette.png' ? [false] : [false, true]) {
          const [plain, usual] = [
            await node.readImage(inFolder('odd', name), {alpha}),
            await readImage(inFolder('odd', name), {alpha}),
          ];
          expect(await plain.array()).toEqual(await usual.array());
        }
      }
      const image = tf.randomUniform<tf.Rank.R3>([5, 7, 4], 0, 1, 'float32', 1);
      await node.writeImage(inFolder('written.png'), image);
      const rounded = tf.div(tf.round(tf.mul(image, 255)), 255);
      expectClose(await (await readImage(inFolder('written.png'), {alpha: true})).data(), await rounded.data(), 1e-6);
    }));

  test('what needs it says so, and a folder warns of it once', () =>
    withoutSharp(async node => {
      const advice = 'only PNG works without the package sharp; run: npm install sharp';
      const jpeg = inFolder('odd', 'grey.jpg');
      await expect(node.readImage(jpeg)).rejects.toThrow(`cannot decode ${jpeg}: ${advice}`);
      await expect(node.readImage(inFolder('odd', 'none.jpg'))).rejects.toThrow('it does not exist');
      await expect(node.readImage(inFolder('odd', 'jpeg.png'))).rejects.toThrow('it is damaged, or not a PNG');
      await expect(node.readImage(inFolder('odd', 'cut-short.png'))).rejects.toThrow('it is damaged, or not a PNG');
      await expect(node.writeImage(inFolder('new.jpg'), tf.zeros([2, 2, 3]))).rejects.toThrow(advice);

      const warnings: string[] = [];
      const take = async (folder: string) => {
        const options = {...small, onWarning: (message: string) => warnings.push(message)};
        const iterator = await node.photoDataset(folder, options).iterator();
        for (let i = 0; i < 20; i++) tf.dispose((await iterator.next()).value as PhotoBatch);
      };
      await take(inFolder('odd'));
      expect(warnings.filter(message => message.includes('sharp'))).toEqual([
        `skipping 7 of 18 pictures in ${inFolder('odd')}: ${advice}`,
      ]);
      copyFileSync(jpeg, inFolder('jpegs', 'a.jpg'));
      await expect(take(inFolder('jpegs'))).rejects.toThrow(
        `no picture that can be read in the folder ${inFolder('jpegs')}: ${advice}`,
      );
    }));
});

test('options out of range are refused at once, and a folder without photos at the first batch', async () => {
  const refusal = (options: PhotoDatasetOptions) => () => photoDataset('anywhere', options);
  expect(refusal({batch: 0})).toThrow('photoDataset: batch must be a whole number of at least 1, but it is 0.');
  expect(refusal({patch: 30, scale: 4})).toThrow('patch must be a multiple of scale, 4, but it is 30');
  expect(refusal({seed: 0.5})).toThrow('seed must be a whole number, but it is 0.5');
  expect(refusal({firstBatch: -1})).toThrow('firstBatch must be a whole number of at least 0, but it is -1');
  expect(refusal({cacheBytes: NaN})).toThrow('cacheBytes must be at least 0, but it is NaN');
  const first = async (folder: string) => (await photoDataset(folder, small).iterator()).next();
  await expect(first('nowhere')).rejects.toThrow('cannot read the folder nowhere: it does not exist');
  mkdirSync(inFolder('bare'));
  await expect(first(inFolder('bare'))).rejects.toThrow(/^no picture in the folder/);
  await expect(listImages(inFolder('odd', 'text.png'))).rejects.toThrow('it is not a folder');
});
