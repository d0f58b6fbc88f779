import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdirSync, symlinkSync, writeFileSync} from 'node:fs';
import {relative} from 'node:path';
import sharp from 'sharp';
import type * as nodeEntry from 'tfjs-ragan/node';
import {listImages, readImage} from 'tfjs-ragan/node';
import {isSameFile} from '../../../src/node/system/files.js';
import {listReadableImages} from '../../../src/node/photos/files.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const listed = async (folder: string) => (await listImages(folder)).map(file => relative(folder, file));

beforeAll(() => tf.setBackend('cpu'));

test('every format that sharp reads as it comes is found, in any case, and read', async () => {
  const flat = () => sharp({create: {width: 24, height: 20, channels: 3, background: {r: 200, g: 100, b: 50}}});
  const write = (name: string, format: 'jpeg' | 'png' | 'webp' | 'tiff' | 'gif' | 'avif') =>
    flat().toFormat(format, {quality: 100}).toFile(inFolder('formats', name));
  const formats = {jpg: 'jpeg', jpeg: 'jpeg', jpe: 'jpeg', JFIF: 'jpeg', png: 'png', webp: 'webp'} as const;
  const others = {tif: 'tiff', TIFF: 'tiff', gif: 'gif', Avif: 'avif'} as const;
  for (const [extension, format] of Object.entries({...formats, ...others})) await write(`a.${extension}`, format);
  await flat().tiff({compression: 'lzw'}).toColourspace('cmyk').toFile(inFolder('formats', 'cmyk.tif'));
  await flat().toColourspace('rgb16').tiff().toFile(inFolder('formats', 'sixteen.tif'));
  const files = await listImages(inFolder('formats'));
  expect(files).toHaveLength(12);
  for (const file of files) {
    const image = await readImage(file);
    expect([file, image.shape]).toEqual([file, [20, 24, 3]]);
    const [red, green, blue] = await tf.mean(image, [0, 1]).mul(255).data();
    for (const difference of [red! - 200, green! - 100, blue! - 50])
      expect(Math.abs(difference)).toBeLessThan(file.includes('cmyk') ? 40 : 4);
  }
});

test('what is left out is counted in one warning; what is hidden is not', async () => {
  const folder = inFolder('mixed');
  writePng(inFolder('mixed', 'a.png'), 8, 8, placed);
  for (const name of ['a.heic', 'b.HEIC', 'notes.txt', 'README', '._a.png', '.DS_Store', '.cache/b.png'])
    writeFileSync(inFolder('mixed', name), '');
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  expect(await listReadableImages(folder, onWarning)).toEqual([inFolder('mixed', 'a.png')]);
  expect(warnings).toEqual([
    `left out 4 files in ${folder}, of kinds that are not read as photos: 2 .heic, 1 without an extension, 1 .txt`,
  ]);
  for (let i = 0; i < 12; i++) writeFileSync(inFolder('none', `file.${i}`), '');
  await expect(listImages(inFolder('none'))).rejects.toThrow(
    /^no picture in the folder .*none \(it has 1 \.0, .* 4 others\): put \.png, \.jpg, .* files there$/,
  );
});

test('links are followed, and every file is listed once, by its own path where it has one there', async () => {
  const png = (...names: string[]) => writePng(inFolder(...names), 8, 8, placed);
  const link = (target: string, ...names: string[]) => symlinkSync(target, inFolder(...names));
  for (const names of [['z.png'], ['below', 'b.png']]) png('links', ...names);
  png('elsewhere', 'c.png');
  png('elsewhere', 'deeper', 'd.png');
  png('single.png');
  // Links to files and folders here and elsewhere, to themselves, in a circle, and to nowhere.
  link(inFolder('links', 'z.png'), 'links', 'a.png');
  link(inFolder('links', 'below'), 'links', 'a-below');
  link(inFolder('elsewhere'), 'links', 'outside');
  link(inFolder('elsewhere'), 'links', 'outside-again');
  link(inFolder('elsewhere', 'deeper'), 'links', 'part');
  link(inFolder('links'), 'elsewhere', 'back');
  link('loop', 'links', 'loop');
  link(inFolder('single.png'), 'links', 'single.png');
  link(inFolder('nowhere'), 'links', 'nowhere.png');
  if (process.platform !== 'win32') execFileSync('mkfifo', [inFolder('links', 'pipe.png')]);
  const expected = ['below/b.png', 'outside/c.png', 'outside/deeper/d.png', 'single.png', 'z.png'];
  expect(await listed(inFolder('links'))).toEqual(expected);
  link(inFolder('links'), 'by-link');
  expect(await listed(inFolder('by-link'))).toEqual(expected);
});

test('one file is told from another, by links too', async () => {
  const [a, b] = ['a.png', 'b.png'].map(name => writePng(inFolder('same', name), 4, 4, placed)) as [string, string];
  symlinkSync(a, inFolder('same', 'link.png'));
  symlinkSync(inFolder('same'), inFolder('same-folder'));
  expect(await isSameFile(a, inFolder('same', 'link.png'))).toBe(true);
  expect(await isSameFile(a, inFolder('same-folder') + '/../same/a.png')).toBe(true);
  expect(await isSameFile(a, b)).toBe(false);
  expect(await isSameFile(inFolder('none.png'), inFolder('none.png'))).toBe(false);
});

describe('a sharp that is installed but does not load', () => {
  const withSharp = (error: Error, use: (node: typeof nodeEntry) => Promise<void>) =>
    jest.isolateModulesAsync(async () => {
      jest.doMock('@tensorflow/tfjs', () => tf);
      jest.doMock('sharp', () => {
        throw error;
      });
      await use(await import('tfjs-ragan/node'));
    });
  afterAll(() => {
    jest.dontMock('@tensorflow/tfjs');
    jest.dontMock('sharp');
  });

  test.each([
    ['Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions:\n- Ensure', undefined],
    ["Cannot find package 'detect-libc' imported from /app/node_modules/sharp/lib/libvips.js", 'ERR_MODULE_NOT_FOUND'],
    ["Cannot find module '@img/sharp-linux-x64/sharp.node'\nRequire stack:", 'MODULE_NOT_FOUND'],
  ])('says so in its own words: %s', (message, code) =>
    withSharp(Object.assign(new Error(message), {code}), async node => {
      mkdirSync(inFolder('broken'), {recursive: true});
      const png = writePng(inFolder('broken', 'a.png'), 8, 8, placed);
      const jpeg = inFolder('broken', 'a.jpg');
      copyFileSync(png, jpeg);
      const problem =
        `only PNG works, because the package sharp is installed but does not load (${message.split('\n')[0]}); ` +
        'install it anew on this machine: npm install --include=optional sharp';
      await expect(node.readImage(jpeg)).rejects.toThrow(`cannot decode ${jpeg}: ${problem}`);
      await expect(node.writeImage(jpeg, tf.zeros([2, 2, 3]))).rejects.toThrow(`cannot write ${jpeg}: ${problem}`);
      expect((await node.readImage(png)).shape).toEqual([8, 8, 3]);
    }),
  );
});
