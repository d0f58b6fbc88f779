import * as tf from '@tensorflow/tfjs';
import {bicubicUpscale, esrganGenerator, upscale, vggDiscriminator} from 'tfjs-ragan';
import {receptiveRadius} from '../../src/images/receptive-radius.js';
import {activateBackend} from '../support/backends.js';
import {expectClose} from '../support/values.js';

beforeAll(() => activateBackend('wasm'));

const generator = () => esrganGenerator({filters: 4, growth: 2, blocks: 1, seed: 1});
const noise = (...shape: [number, number, number]) => tf.randomUniform<tf.Rank.R3>(shape, 0, 1, 'float32', 2);
const whole = (model: tf.LayersModel, image: tf.Tensor3D) =>
  tf.tidy(() => (model.predict(image.expandDims(0)) as tf.Tensor).clipByValue(0, 1));

test('knows how far a model looks', () => {
  // The first and the last of the trunk, three dense blocks of five, then 1/2 + 1/4 + 1/4 + 1/4 of an input pixel.
  expect(receptiveRadius(generator())).toBe(19);
  const input = tf.input({shape: [null, null, 3]});
  expect(
    receptiveRadius(
      tf.model({
        inputs: input,
        outputs: tf.layers.conv2d({filters: 3, kernelSize: 7}).apply(input) as tf.SymbolicTensor,
      }),
    ),
  ).toBe(3);
});

test.each([
  [37, 23, 8],
  [20, 20, 64],
  [1, 30, 7],
  [40, 1, 16],
])('tiles of a %s x %s picture give what the whole gives (tile %s)', async (height, width, tile) => {
  const model = generator();
  const image = noise(height, width, 3);
  const expected = await whole(model, image).data();
  const before = tf.memory().numTensors;
  const progress: number[] = [];
  const result = await upscale(model, image, {tile, onProgress: done => progress.push(done)});
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(result.shape).toEqual([4 * height, 4 * width, 3]);
  expectClose(await result.data(), expected, 1e-5);
  expect(progress).toHaveLength(Math.ceil(height / tile) * Math.ceil(width / tile));
  expect(progress.at(-1)).toBe(1);
});

test('too small an overlap would show', async () => {
  const model = generator();
  const image = noise(24, 24, 3);
  const expected = await whole(model, image).data();
  const seamed = await (await upscale(model, image, {tile: 8, overlap: 0})).data();
  expect(Math.max(...seamed.map((value, i) => Math.abs(value - expected[i]!)))).toBeGreaterThan(1e-3);
});

test('keeps alpha', async () => {
  const image = noise(10, 12, 4);
  const result = await upscale(generator(), image, {tile: 5});
  expect(result.shape).toEqual([40, 48, 4]);
  const alpha = bicubicUpscale(image.slice([0, 0, 3], [10, 12, 1]), 4).clipByValue(0, 1);
  expectClose(await result.slice([0, 0, 3], [40, 48, 1]).data(), await alpha.data(), 1e-6);
});

test('refuses what it cannot enlarge', async () => {
  const image = noise(8, 8, 3);
  await expect(upscale(vggDiscriminator({size: 8, filters: 2}), image)).rejects.toThrow('images of any size');
  await expect(upscale(generator(), noise(8, 8, 2))).rejects.toThrow('its shape is [8, 8, 2]');
  await expect(upscale(generator(), image, {tile: 0})).rejects.toThrow(
    'tile must be a whole number of at least 1, but it is 0',
  );
  await expect(upscale(generator(), image.toInt())).rejects.toThrow('dtype float32');
});
