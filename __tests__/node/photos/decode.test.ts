import sharp from 'sharp';
import type * as decodeModule from '../../../src/node/photos/decode.js';
import {decodeImage, imageSize} from '../../../src/node/photos/decode.js';
import {cutPixels} from '../../../src/node/photos/pixels.js';
import {placed, writeLines, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

const withoutSharp = (use: (module: typeof decodeModule) => Promise<void>) =>
  jest.isolateModulesAsync(async () => {
    jest.doMock('sharp', () => {
      throw Object.assign(new Error("Cannot find module 'sharp'"), {code: 'MODULE_NOT_FOUND'});
    });
    await use(await import('../../../src/node/photos/decode.js'));
  });
afterAll(() => jest.dontMock('sharp'));

describe('a part of a picture is what the whole has there', () => {
  const parts = [
    {left: 0, top: 0, width: 40, height: 40},
    {left: 3, top: 7, width: 30, height: 21},
    {left: 39, top: 0, width: 1, height: 9},
  ];
  const png = () => writePng(inFolder('source.png'), 48, 40, (x, y) => [...placed(x, y), 5 * x]);
  const files: Record<string, () => Promise<string>> = {
    'a PNG with alpha': () => Promise.resolve(png()),
    'an interlaced PNG': async () => {
      await sharp(png()).png({progressive: true}).toFile(inFolder('interlaced.png'));
      return inFolder('interlaced.png');
    },
    'a CMYK JPEG': async () => {
      await sharp(png()).flatten().toColourspace('cmyk').jpeg().toFile(inFolder('cmyk.jpg'));
      return inFolder('cmyk.jpg');
    },
    'an animated WebP': async () => {
      const raw = {width: 48, height: 80, channels: 3, pageHeight: 40} as const;
      const frames = Uint8Array.from({length: 48 * 80 * 3}, (_, i) => (i * 7919) % 251);
      await sharp(frames, {raw}).webp({lossless: true}).toFile(inFolder('animated.webp'));
      return inFolder('animated.webp');
    },
  };
  for (let orientation = 1; orientation <= 8; orientation++) {
    files[`a JPEG turned by EXIF ${orientation}`] = async () => {
      const file = inFolder(`turned-${orientation}.jpg`);
      await sharp(png()).flatten().jpeg().withMetadata({orientation}).toFile(file);
      return file;
    };
  }

  test.each(Object.entries(files))('%s', async (_, make) => {
    const file = await make();
    for (const alpha of [false, true]) {
      const whole = await decodeImage(file, {alpha});
      expect(await imageSize(file)).toMatchObject({width: whole.width, height: whole.height});
      for (const part of parts) {
        const {data, ...size} = await decodeImage(file, {alpha, part});
        const expected = cutPixels(whole, part);
        expect(size).toEqual({width: part.width, height: part.height, channels: whole.channels});
        expect(Buffer.from(data).equals(Buffer.from(expected.data))).toBe(true);
      }
    }
  });

  test('without sharp too', () =>
    withoutSharp(async plain => {
      const file = png();
      expect(await plain.imageSize(file)).toEqual({width: 48, height: 40});
      for (const alpha of [false, true]) {
        const whole = await plain.decodeImage(file, {alpha});
        for (const part of parts) expect(await plain.decodeImage(file, {alpha, part})).toEqual(cutPixels(whole, part));
      }
    }));
});

test('more pixels than sharp decodes by itself are read', async () => {
  const file = writeLines(inFolder('large.png'), 16400, 16400);
  expect(await imageSize(file)).toEqual({width: 16400, height: 16400});
  const part = {left: 16390, top: 501, width: 10, height: 2};
  const {data} = await decodeImage(file, {part});
  expect(Array.from(data)).toEqual([...Array<number>(30).fill(255), ...Array<number>(30).fill(0)]);
});

test('more than there is memory for are refused in one line with the way out, and before they are looked at', async () => {
  const file = writeLines(inFolder('bomb.png'), 2_000_000, 1_000_000, {data: false});
  const refusal = new RegExp(
    `^cannot decode ${file}: its 2000000 x 1000000 pixels are more than there is memory for, which is \\d+; ` +
      'crop or shrink it first$',
  );
  const refuses = async ({decodeImage, imageSize}: typeof decodeModule) => {
    await expect(decodeImage(file)).rejects.toThrow(refusal);
    await expect(imageSize(file)).rejects.toThrow(refusal);
  };
  await refuses({decodeImage, imageSize} as typeof decodeModule);
  await withoutSharp(refuses);
});
