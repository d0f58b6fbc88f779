import * as tf from '@tensorflow/tfjs';
import {esrganGenerator, upscale} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';

const generator = (scale: number, pixelUnshuffle: number) =>
  esrganGenerator({scale, pixelUnshuffle, filters: 4, growth: 2, blocks: 1, seed: 1});
const noise = (height: number, width: number, channels = 3) =>
  tf.randomUniform<tf.Rank.R3>([height, width, channels], 0, 1, 'float32', 2);

describeOnBackends('a picture whose sides are no multiples of the pixel unshuffle', () => {
  test.each([
    [1, 4, 9, 6, {}],
    [2, 2, 7, 12, {}],
    [2, 2, 8, 7, {ensemble: true}],
    [2, 2, 13, 11, {tile: 5, overlap: 3}],
    // Of the padded picture, the last tile of each row and column has nothing of the picture.
    [1, 4, 9, 10, {tile: 1, overlap: 1}],
    [1, 3, 7, 11, {tile: 4}],
  ])(
    'is that of the padded picture, cropped: scale %i, unshuffle %i, %i x %i, %j',
    async (scale, unshuffle, height, width, options) => {
      const model = generator(scale, unshuffle);
      const image = noise(height, width);
      const more = (size: number): [number, number] => [0, (unshuffle - (size % unshuffle)) % unshuffle];
      const padded = tf.mirrorPad(image, [more(height), more(width), [0, 0]], 'reflect');
      const before = tf.memory().numTensors;
      const result = await upscale(model, image, options);
      expect(tf.memory().numTensors).toBe(before + 1);
      const ofPadded = await upscale(model, padded, options);
      const cropped = ofPadded.slice([0, 0, 0], [scale * height, scale * width, 3]);
      expect(result.shape).toEqual(cropped.shape);
      expect(await result.data()).toEqual(await cropped.data());
      tf.dispose([image, padded, result, ofPadded, cropped]);
      model.dispose();
    },
  );

  test.each([
    [1, [0, 0, 0, 0]],
    [2, [0, 1, 0, 1]],
    [3, [0, 1, 2, 1]],
    [5, [0, 1, 2, 3, 4, 3, 2, 1]],
  ])('is reflected as often as it takes: %i pixels are %j', async (size, indices) => {
    const model = generator(1, 4);
    const image = noise(size, size);
    const padded = tf.tidy(() => tf.gather(tf.gather(image, indices, 0), indices, 1));
    const [result, ofPadded] = [await upscale(model, image), await upscale(model, padded)];
    const cropped = ofPadded.slice([0, 0, 0], [size, size, 3]);
    expect(await result.data()).toEqual(await cropped.data());
    tf.dispose([image, padded, result, ofPadded, cropped]);
    model.dispose();
  });
});
