import * as tf from '@tensorflow/tfjs';
import {bicubicUpscale, esrganGenerator, spectralNormalization, upscale, vggDiscriminator} from 'tfjs-ragan';
import {modelReach} from '../../src/images/model-reach.js';
import {activateBackend} from '../support/backends.js';
import {expectClose} from '../support/values.js';

beforeAll(() => activateBackend('wasm'));

const generator = () => esrganGenerator({filters: 4, growth: 2, blocks: 1, seed: 1});
const noise = (...shape: [number, number, number]) => tf.randomUniform<tf.Rank.R3>(shape, 0, 1, 'float32', 2);
const whole = (model: tf.LayersModel, image: tf.Tensor3D) =>
  tf.tidy(() => (model.predict(image.expandDims(0)) as tf.Tensor).clipByValue(0, 1));

const {layers} = tf;
/** A model of the layers, one after the other, that takes pictures of any size. */
const chain = (...all: tf.layers.Layer[]) => {
  const input = tf.input({shape: [null, null, 3]});
  const output = all.reduce((x, layer) => layer.apply(x) as tf.SymbolicTensor, input);
  return tf.model({inputs: input, outputs: output});
};
const convolution = (kernelSize: number, options = {}) => {
  const kernelInitializer = tf.initializers.randomUniform({minval: -0.3, maxval: 0.3, seed: kernelSize});
  return layers.conv2d({filters: 3, kernelSize, padding: 'same', kernelInitializer, ...options});
};
const half = () => layers.averagePooling2d({poolSize: 2});
const double = (interpolation?: 'bilinear') =>
  layers.upSampling2d({size: [2, 2], ...(interpolation ? {interpolation} : {})});

/** Makes 16 x 16 pixels of everything. */
class OneSize extends layers.Layer {
  static className = 'OneSize';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.image.resizeNearestNeighbor([inputs].flat()[0] as tf.Tensor4D, [16, 16]);
  }
}

test('knows how far a model looks', () => {
  // The first and the last of the trunk, three dense blocks of five, then 1/2 + 1/4 + 1/4 + 1/4 of an input pixel.
  expect(modelReach(generator())).toEqual({radius: 19, step: 1, unknown: []});
  expect(modelReach(chain(convolution(7)))).toMatchObject({radius: 3, step: 1});
  // Of the models inside too, each time they are used.
  const inner = tf.sequential({layers: [convolution(5, {inputShape: [null, null, 3]}), convolution(3)]});
  expect(modelReach(chain(inner, chain(inner, convolution(3))))).toMatchObject({radius: 7, step: 1});
  expect(modelReach(tf.sequential({layers: [inner, convolution(3)]}))).toMatchObject({radius: 4});
  expect(modelReach(chain(half(), half(), double(), double()))).toMatchObject({radius: 3, step: 4});
  const everywhere = [layers.globalAveragePooling2d({}), layers.reshape({targetShape: [1, 1, 3]})];
  expect(modelReach(chain(...everywhere)).unknown).toEqual(['GlobalAveragePooling2D', 'Reshape']);
});

describe('every kind of layer that is accepted', () => {
  const inner = () => tf.sequential({layers: [convolution(9, {inputShape: [null, null, 3]}), convolution(3)]});
  test.each<[string, () => tf.LayersModel]>([
    ['a model inside', () => chain(inner(), double())],
    ['a model in a model inside', () => chain(chain(inner(), double()), convolution(3))],
    ['spectral normalization', () => chain(spectralNormalization(convolution(5)), double())],
    ['dilation', () => chain(convolution(3, {dilationRate: 3}), convolution(4))],
    ['pooling', () => chain(convolution(3), half(), convolution(3), half(), double(), double('bilinear'))],
    ['strides', () => chain(convolution(3, {strides: 2}), convolution(4, {strides: 2}), double(), double(), double())],
    ['bilinear upsampling', () => chain(double('bilinear'), convolution(3), double('bilinear'))],
    [
      'transposed convolution',
      () => chain(layers.conv2dTranspose({filters: 3, kernelSize: 5, strides: 2, padding: 'same'}), convolution(3)),
    ],
    [
      'padding and cropping',
      () =>
        chain(
          layers.zeroPadding2d({padding: [4, 4]}),
          convolution(5, {padding: 'valid'}),
          layers.cropping2D({
            cropping: [
              [2, 2],
              [2, 2],
            ],
          }),
        ),
    ],
    [
      'depthwise and separable convolutions',
      () =>
        chain(
          layers.depthwiseConv2d({kernelSize: 5, padding: 'same'}),
          layers.separableConv2d({filters: 3, kernelSize: 3, padding: 'same'}),
          layers.batchNormalization(),
          layers.leakyReLU(),
          layers.dense({units: 3, activation: 'sigmoid'}),
        ),
    ],
  ])('shows no seam: %s', async (_, make) => {
    const model = make();
    const image = noise(40, 24, 3);
    const expected = await whole(model, image).data();
    for (const tile of [7, 8]) expectClose(await (await upscale(model, image, {tile})).data(), expected, 1e-5);
  });
});

test('the default network shows no seam as it comes, also where it is deeper than the default overlap', async () => {
  const image = noise(100, 20, 3);
  for (const blocks of [2, 5]) {
    const model = esrganGenerator({filters: 8, growth: 4, blocks, seed: 1});
    const expected = await whole(model, image).data();
    // 5 blocks look 79 pixels far.
    const result = await (await upscale(model, image, {tile: 20})).data();
    const eightBits = (values: ArrayLike<number>) => Array.from(values, value => Math.round(value * 255));
    expect(eightBits(result)).toEqual(eightBits(expected));
    if (blocks === 2) expectClose(result, expected, 1e-5);
  }
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

test.each([NaN, Infinity, -Infinity])('refuses a model that makes %s, wherever it is', async bad => {
  // One value of one tile out of many is not finite.
  class Spoiled extends layers.Layer {
    static className = 'Spoiled';
    override computeOutputShape(shape: tf.Shape): tf.Shape {
      return shape;
    }
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const x = [inputs].flat()[0] as tf.Tensor4D;
      return tf.where(x.greater(0.999), tf.fill(x.shape, bad), x);
    }
  }
  const image = tf.tidy(() => noise(30, 20, 3).mul(0.9));
  const values = await image.data();
  values[3 * (25 * 20 + 11) + 1] = 1;
  const before = tf.memory().numTensors;
  const spoiled = tf.tensor3d(values, [30, 20, 3]);
  await expect(upscale(chain(double(), new Spoiled({})), spoiled, {tile: 8, overlap: 1})).rejects.toThrow(
    `upscale: of this picture the model makes ${bad}; if its training diverged, train again with smaller learning rates.`,
  );
  spoiled.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('refuses what it cannot enlarge', async () => {
  const image = noise(8, 8, 3);
  await expect(upscale(vggDiscriminator({size: 8, filters: 2}), image)).rejects.toThrow('images of any size');
  await expect(upscale(generator(), noise(8, 8, 2))).rejects.toThrow('its shape is [8, 8, 2]');
  await expect(upscale(generator(), image, {tile: 0})).rejects.toThrow(
    'tile must be a whole number of at least 1, but it is 0',
  );
  await expect(upscale(generator(), image.toInt())).rejects.toThrow('dtype float32');

  // Models that look everywhere, need even sizes, or make another size than they say.
  const scaled = (model: tf.LayersModel) => upscale(model, noise(9, 8, 3), {tile: 5});
  await expect(scaled(chain(half(), double(), double()))).rejects.toThrow(
    'the sides of the image must be multiples of 2 for this model, but it is 8 x 9; crop it.',
  );
  const input = tf.input({shape: [null, null, 3]});
  const mean = layers.reshape({targetShape: [1, 1, 3]}).apply(layers.globalAveragePooling2d({}).apply(input));
  const outputs = layers.multiply().apply([input, mean as tf.SymbolicTensor]) as tf.SymbolicTensor;
  const attentive = tf.model({inputs: input, outputs});
  await expect(scaled(attentive)).rejects.toThrow(
    'how far the model looks is not known, because of its layers GlobalAveragePooling2D, Reshape: give overlap in pixels.',
  );
  const result = await upscale(attentive, image, {tile: 8, overlap: 0});
  expectClose(await result.data(), await whole(attentive, image).data());
  await expect(upscale(chain(new OneSize({})), noise(9, 8, 3), {overlap: 0})).rejects.toThrow(
    'of [1, 9, 8, 3] the model must make [1, 9, 8, 3], but it makes [1, 16, 16, 3]',
  );
});

describe('an ensemble', () => {
  const flat = async (image: tf.Tensor) => Array.from(await image.data());

  test('of a model that minds no turns gives what the model gives', async () => {
    const image = noise(6, 9, 3);
    const uneven = chain(double('bilinear'));
    // tfjs's own bilinear layer is not even: it looks to the right and down.
    const nearest = chain(double());
    const both = async (model: tf.LayersModel) =>
      [await flat(await upscale(model, image, {ensemble: true})), await flat(await upscale(model, image))] as const;
    expectClose(...(await both(nearest)), 1e-6);
    const [ensemble, alone] = await both(uneven);
    expect(Math.max(...ensemble.map((value, i) => Math.abs(value - alone[i]!)))).toBeGreaterThan(0.05);
  });

  test('of a turned picture is that of the picture, turned, and leaks nothing', async () => {
    const image = noise(7, 10, 3);
    const model = generator();
    const turned = image.transpose<tf.Tensor3D>([1, 0, 2]).reverse(1);
    const before = tf.memory().numTensors;
    const [one, other] = [
      await upscale(model, image, {ensemble: true, tile: 5}),
      await upscale(model, turned, {ensemble: true, tile: 5}),
    ];
    expect(tf.memory().numTensors).toBe(before + 2);
    expectClose(await flat(other), await flat(one.transpose([1, 0, 2]).reverse(1)), 1e-5);
    expect(await flat(one)).not.toEqual(await flat(await upscale(model, image)));
  });
});
