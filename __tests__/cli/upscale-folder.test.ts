import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Sharp} from 'sharp';
import sharp from 'sharp';
import * as tf from '@tensorflow/tfjs';
import {saveModel} from 'tfjs-ragan/node';
import {placed, writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';

const main = join(__dirname, '../../dist/esm/cli/main.js');
const inFolder = temporaryFolder();
const upscale = (...args: string[]) =>
  spawnSync(process.execPath, [main, 'upscale', ...args, '--model', 'double', '--backend', 'wasm'], {
    encoding: 'utf8',
    cwd: inFolder('.'),
  });

/** Twice as large by nearest neighbour, so that what comes out is known. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  const input = tf.input({shape: [null, null, 3]});
  const outputs = tf.layers.upSampling2d({size: [2, 2]}).apply(input) as tf.SymbolicTensor;
  await saveModel(tf.model({inputs: input, outputs}), inFolder('double'));
  mkdirSync(inFolder('in', 'below'), {recursive: true});
  writePng(inFolder('in', 'a.png'), 5, 3, placed);
  writePng(inFolder('in', 'below', 'a.png'), 4, 4, placed);
  await sharp(inFolder('in', 'a.png')).tiff().toFile(inFolder('in', 'c.tif'));
  writeFileSync(inFolder('in', 'broken.png'), 'no picture');
  writeFileSync(inFolder('in', 'notes.txt'), 'hello');
});

test('a folder is enlarged whole, goes on where it was, and names what is broken', async () => {
  const first = upscale('in', 'in/out');
  expect(first.stdout.split('\n')).toEqual([
    '[1/4] in/out/a.png: 5 x 3 -> 10 x 6',
    '[2/4] in/out/below/a.png: 4 x 4 -> 8 x 8',
    '[4/4] in/out/c.tif.png: 5 x 3 -> 10 x 6',
    '',
  ]);
  expect(first.stderr.split('\n')).toEqual([
    'left out 1 file in in, of kinds that are not read as photos: 1 .txt',
    expect.stringMatching(/^\[3\/4\] cannot decode in\/broken.png: /),
    'tfjs-ragan: 1 of 4 pictures could not be enlarged',
    '',
  ]);
  expect(first.status).toBe(2);
  const {data, info} = await sharp(inFolder('in', 'out', 'below', 'a.png'))
    .raw()
    .toBuffer({resolveWithObject: true});
  expect([info.width, info.height]).toEqual([8, 8]);
  expect([...data.subarray((5 * 8 + 6) * info.channels, (5 * 8 + 6) * info.channels + 3)]).toEqual(placed(3, 2));

  const made = statSync(inFolder('in', 'out', 'a.png')).mtimeMs;
  writePng(inFolder('in', 'broken.png'), 2, 2, placed);
  const second = upscale('in', 'in/out');
  expect(second.stdout).toBe(
    '3 of 4 pictures are in in/out already; --overwrite makes them anew\n[3/4] in/out/broken.png: 2 x 2 -> 4 x 4\n',
  );
  expect(second.status).toBe(0);
  expect(statSync(inFolder('in', 'out', 'a.png')).mtimeMs).toBe(made);
  expect(upscale('in', 'in/out').stdout).toBe('4 of 4 pictures are in in/out already; --overwrite makes them anew\n');
  expect(upscale('in', 'in/out', '--overwrite').stdout.match(/->/g)).toHaveLength(4);
}, 120_000);

test('a folder never goes over itself', () => {
  const before = readFileSync(inFolder('in', 'a.png'));
  const {status, stderr} = upscale('in', 'in/below/..');
  expect([status, stderr]).toEqual([
    2,
    'tfjs-ragan: cannot write into in/below/..: it is the folder of the pictures to enlarge; choose another\n',
  ]);
  expect(readFileSync(inFolder('in', 'a.png'))).toEqual(before);
  expect(existsSync(inFolder('in', 'a.png.png'))).toBe(false);
});

test('an ensemble is asked for', () => {
  expect(upscale('in/a.png', 'one.png', '--ensemble').stdout).toBe('one.png: 5 x 3 -> 10 x 6\n');
  expect(readFileSync(inFolder('one.png'))).toEqual(readFileSync(inFolder('in', 'out', 'a.png')));
});

describe('what is in the file besides its pixels', () => {
  /** A JPEG of a Display P3 camera held upright, 6 x 4 as stored. */
  const photograph = async (file: string) => {
    const raw = Buffer.from(Array.from({length: 6 * 4 * 3}, (_, i) => (i * 37) % 256));
    const colours = sharp(raw, {raw: {width: 6, height: 4, channels: 3}}).withIccProfile('p3');
    const plain = await colours
      .withExif({IFD0: {Artist: 'Ada', Copyright: '(c) Ada'}})
      .jpeg({quality: 100})
      .toBuffer();
    await sharp(plain).keepIccProfile().keepExif().withMetadata({orientation: 6}).jpeg({quality: 100}).toFile(file);
  };

  test.each(['png', 'jpg', 'webp'])('stays in a .%s', async extension => {
    await photograph(inFolder('photo.jpg'));
    const source = await sharp(inFolder('photo.jpg')).metadata();
    expect([source.orientation, source.icc !== undefined]).toEqual([6, true]);
    expect(upscale('photo.jpg', `large.${extension}`).stdout).toBe(`large.${extension}: 4 x 6 -> 8 x 12\n`);
    const file = inFolder(`large.${extension}`);
    const {width, height, orientation = 1, icc, exif, channels} = await sharp(file).metadata();
    expect([width, height, orientation, channels]).toEqual([8, 12, 1, 3]);
    expect(icc).toEqual(source.icc);
    expect(exif!.includes('Ada')).toBe(true);
    if (extension !== 'png') return;
    // The values are those of the file: none was converted there and back.
    const values = async (image: Sharp) => [...(await image.raw().toBuffer())];
    const own = await values(sharp(inFolder('photo.jpg')).keepIccProfile().autoOrient());
    const large = await values(sharp(file).keepIccProfile().resize(4, 6, {kernel: 'nearest'}));
    expect(large).toEqual(own);
  });

  test('CMYK becomes sRGB, without its profile', async () => {
    const raw = {width: 3, height: 2, channels: 3} as const;
    const image = sharp(Buffer.alloc(18, 90), {raw}).toColourspace('cmyk').withIccProfile('cmyk');
    await image.jpeg().toFile(inFolder('cmyk.jpg'));
    expect(upscale('cmyk.jpg', 'cmyk.png').status).toBe(0);
    const {icc, space} = await sharp(inFolder('cmyk.png')).metadata();
    expect([icc, space]).toEqual([undefined, 'srgb']);
  });
});
