import * as tf from '@tensorflow/tfjs';
import {compactGenerator, esrganGenerator, patchDiscriminator, unetDiscriminator, vggDiscriminator} from 'tfjs-ragan';
import {activateBackend} from '../support/backends.js';

const small = {filters: 4, growth: 2, blocks: 1};

function outputShape(model: tf.LayersModel, shape: number[]): number[] {
  return tf.tidy(() => (model.predict(tf.zeros(shape)) as tf.Tensor).shape);
}

beforeAll(() => activateBackend('wasm'));

describe('esrganGenerator', () => {
  test.each([1, 2, 3, 4, 8])('enlarges any size %s times', scale => {
    expect(outputShape(esrganGenerator({...small, scale}), [2, 5, 7, 3])).toEqual([2, 5 * scale, 7 * scale, 3]);
  });

  test.each([
    [2, 2],
    [1, 4],
    [1, 3],
  ])('enlarges %s times with a trunk %s times smaller', (scale, pixelUnshuffle) => {
    const model = esrganGenerator({...small, scale, pixelUnshuffle});
    expect(outputShape(model, [1, 12, 24, 3])).toEqual([1, 12 * scale, 24 * scale, 3]);
    const ofOnePixel = esrganGenerator({...small, scale: scale * pixelUnshuffle}).countParams();
    expect(model.countParams() - ofOnePixel).toBe(9 * 3 * (pixelUnshuffle ** 2 - 1) * small.filters);
    expect(() => outputShape(model, [1, 13, 24, 3])).toThrow(`multiples of ${pixelUnshuffle}, but one is 13`);
  });

  test('has the parameters of RRDBNet', () => {
    // BasicSR: RRDBNet(3, 3, num_feat=64, num_block=23, num_grow_ch=32) has 16,697,987.
    const blocksOf = (blocks: number) => esrganGenerator({filters: 64, growth: 32, blocks}).countParams();
    const one = blocksOf(1);
    expect(one + 22 * (blocksOf(2) - one)).toBe(16_697_987);
  });

  test('starts its dense blocks at a tenth of He initialisation', async () => {
    const model = esrganGenerator({filters: 32, growth: 16, blocks: 1, seed: 1});
    const kernel = model.trainableWeights.map(weight => weight.read()).filter(weight => weight.rank === 4)[1]!;
    const deviation = tf.tidy(() => tf.moments(kernel).variance.sqrt());
    const expected = 0.1 * Math.sqrt(2 / (9 * 32));
    // TensorFlow.js draws from a normal cut at two deviations, whose own deviation is 0.88.
    expect((await deviation.data())[0]! / expected).toBeCloseTo(0.88, 1);
  });

  test('is the same for the same seed and different for another', async () => {
    const weights = async (seed: number) =>
      Promise.all(esrganGenerator({...small, seed}).trainableWeights.map(async weight => weight.read().data()));
    // The seeds of the layers count on from the given one, over 0, which to TensorFlow.js is none.
    for (const seed of [7, 0, -1]) {
      const first = await weights(seed);
      expect(await weights(seed)).toEqual(first);
      expect(await weights(seed + 1)).not.toEqual(first);
    }
  });

  test('is made of standard layers, so that its JSON loads anywhere', async () => {
    const model = esrganGenerator({...small, seed: 3});
    const loaded = await tf.models.modelFromJSON(JSON.parse(model.toJSON() as string) as tf.io.ModelJSON);
    expect(loaded.countParams()).toBe(model.countParams());
  });

  test('refuses options out of range', () => {
    expect(() => esrganGenerator({scale: 5})).toThrow('scale must be 1, 2, 3, 4 or 8, but it is 5');
    expect(() => esrganGenerator({scale: 4, pixelUnshuffle: 4})).toThrow('but it is 4 with a scale of 4');
    expect(() => esrganGenerator({scale: 4, pixelUnshuffle: 0.5})).toThrow('pixelUnshuffle must be a whole number');
    expect(() => esrganGenerator({filters: 0})).toThrow('filters must be a whole number of at least 1, but it is 0');
    expect(() => esrganGenerator({blocks: 1.5})).toThrow('blocks must be a whole number');
  });
});

describe('vggDiscriminator', () => {
  test.each([false, true])('gives one logit an image (batchNorm %s)', batchNorm => {
    expect(outputShape(vggDiscriminator({size: 32, filters: 4, batchNorm}), [3, 32, 32, 3])).toEqual([3, 1]);
  });

  test('has the parameters of the published critic', () => {
    // BasicSR: VGGStyleDiscriminator(3, 64, 128) has 14,499,401 parameters, moving averages not counted.
    const model = vggDiscriminator({batchNorm: true});
    const trainable = model.trainableWeights.reduce(
      (sum, weight) => sum + tf.util.sizeFromShape(weight.shape as number[]),
      0,
    );
    expect(trainable).toBe(14_499_401);
  });

  test('refuses a size it cannot halve to 4', () => {
    expect(() => vggDiscriminator({size: 100})).toThrow('size must be 8, 16, 32, 64, 128, 256, ..., but it is 100');
    expect(() => vggDiscriminator({size: 4})).toThrow('size');
  });
});

describe('compactGenerator', () => {
  test.each([1, 2, 3, 4])('enlarges any size %s times', scale => {
    const model = compactGenerator({scale, filters: 4, convolutions: 1});
    expect(outputShape(model, [2, 5, 7, 3])).toEqual([2, 5 * scale, 7 * scale, 3]);
  });

  test('has the parameters of SRVGGNetCompact', () => {
    // Real-ESRGAN: SRVGGNetCompact(3, 3, num_feat=64, num_conv=16, upscale=4) has 621,424.
    expect(compactGenerator().countParams()).toBe(621_424);
  });

  test('adds to the image enlarged by nearest neighbour', async () => {
    const model = compactGenerator({scale: 3, filters: 2, convolutions: 1});
    model.layers.find(layer => layer.outputShape[3] === 27)!.setWeights([tf.zeros([3, 3, 2, 27]), tf.zeros([27])]);
    const image = tf.randomUniform<tf.Rank.R4>([1, 2, 3, 3], 0, 1, 'float32', 1);
    const enlarged = tf.image.resizeNearestNeighbor(image, [6, 9]);
    expect(await (model.predict(image) as tf.Tensor).data()).toEqual(await enlarged.data());
  });

  test('refuses options out of range', () => {
    expect(() => compactGenerator({scale: 0})).toThrow('scale must be a whole number of at least 1, but it is 0');
    expect(() => compactGenerator({convolutions: -1})).toThrow('convolutions must be a whole number of at least 0');
  });
});

describe('unetDiscriminator', () => {
  test('gives a logit for every pixel', () => {
    expect(outputShape(unetDiscriminator({filters: 2}), [2, 16, 24, 3])).toEqual([2, 16, 24, 1]);
  });

  test('has the parameters of the published critic', () => {
    // Real-ESRGAN: UNetDiscriminatorSN(3, num_feat=64) has 4,376,897, the vectors of the spectral norms not counted.
    const model = unetDiscriminator();
    const trainable = model.trainableWeights.reduce(
      (sum, weight) => sum + tf.util.sizeFromShape(weight.shape as number[]),
      0,
    );
    expect(trainable).toBe(4_376_897);
  });

  test('is the same for the same seed, in all weights', async () => {
    const weights = async (seed: number) =>
      Promise.all(unetDiscriminator({filters: 2, seed}).weights.map(async weight => weight.read().data()));
    const first = await weights(0);
    expect(await weights(0)).toEqual(first);
    expect(await weights(1)).not.toEqual(first);
  });
});

test('patchDiscriminator gives a map of logits for any size', () => {
  expect(outputShape(patchDiscriminator({filters: 4, stages: 2}), [2, 16, 20, 3])).toEqual([2, 4, 5, 1]);
  expect(() => patchDiscriminator({stages: 0})).toThrow('stages');
});

test.each([esrganGenerator, compactGenerator, vggDiscriminator, patchDiscriminator, unetDiscriminator])(
  '$name refuses a seed that is no whole number',
  build => {
    for (const seed of [NaN, 0.5]) {
      expect(() => (build as (options: {seed: number}) => tf.LayersModel)({seed})).toThrow(
        `seed must be a whole number, but it is ${seed}`,
      );
    }
  },
);
