import * as tf from '@tensorflow/tfjs';
import {constants} from 'node:buffer';
import {existsSync} from 'node:fs';
import {esrganGenerator, upscale} from 'tfjs-ragan';
import {readImage} from 'tfjs-ragan/node';
import {decodeImage} from '../../../src/node/photos/decode.js';
import {upscaleToFile} from '../../../src/node/photos/upscale-to-file.js';
import {requireWritableImage, requireWritableSize} from '../../../src/node/photos/write.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

beforeAll(() => activateBackend('wasm'));

test.each([3, 4] as const)('a file of %s channels holds what upscale gives, and nothing leaks', async channels => {
  const model = esrganGenerator({filters: 4, growth: 2, blocks: 1, seed: 1});
  const alpha = channels === 4;
  const file = writePng(inFolder('small.png'), 23, 31, (x, y) => [...placed(x, y), alpha ? x * 9 : 255]);
  const before = tf.memory().numTensors;
  const pixels = await decodeImage(file, {alpha});
  expect(await upscaleToFile(model, pixels, inFolder('large.png'), {tile: 10})).toEqual({width: 92, height: 124});
  expect(tf.memory().numTensors).toBe(before);
  const large = await readImage(inFolder('large.png'), {alpha});
  expect(large.shape).toEqual([124, 92, channels]);
  const expected = await upscale(model, await readImage(file, {alpha}));
  const difference = tf.max(tf.abs(tf.sub(large, expected)));
  expect((await difference.data())[0]! * 255).toBeLessThan(0.501);
});

test('what has no room is refused before anything is computed', async () => {
  const model = esrganGenerator({filters: 4, growth: 2, blocks: 1, seed: 1});
  const pixels = {data: new Uint8Array(4100 * 3), width: 4100, height: 1, channels: 3} as const;
  const onProgress = jest.fn();
  const file = inFolder('large.webp');
  await expect(upscaleToFile(model, pixels, file, {onProgress})).rejects.toThrow(
    `cannot write ${file}: 16400 x 4 pixels are too large for its format, which ends at 16383 a side; a .png holds more`,
  );
  expect(onProgress).not.toHaveBeenCalled();
  const side = Math.floor(Math.sqrt(constants.MAX_LENGTH / 3));
  const size = (width: number) => ({width, height: side, channels: 3}) as const;
  await requireWritableSize('a.png', size(Math.min(side, 2 ** 31 - 1)));
  if (side < 2 ** 31) {
    await expect(requireWritableSize('a.png', size(side + 10))).rejects.toThrow(
      `too large for this Node, which has room for ${Math.floor(constants.MAX_LENGTH / 3)} of them`,
    );
  }
});

test('a folder is tried, and made only when there is something to write', async () => {
  await requireWritableImage(inFolder('.') + '/new/below/out.png');
  expect(existsSync(inFolder('.') + '/new')).toBe(false);
  if (process.platform === 'linux') {
    await expect(requireWritableImage('/proc/x/out.png')).rejects.toThrow(
      'cannot write into /proc/x: no folder can be made in /proc',
    );
  }
});
