import * as tf from '@tensorflow/tfjs';
import type {SafetensorsTensor, Vgg19Features} from 'tfjs-ragan';
import {readSafetensors, vgg19Features, writeSafetensors} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {readGoldens} from '../support/golden.js';
import {expectClose, valuesOf} from '../support/values.js';
import {vgg19Weights} from '../support/vgg19.js';

interface Golden {
  input: number[];
  shape: [number, number, number, number];
  features: Record<string, {shape: number[]; mean: number; first: number[]}>;
}

const golden = readGoldens<Golden>('nets/vgg19');
const weights = vgg19Weights();

describeOnBackends('the features of VGG19', () => {
  let features: Vgg19Features;
  beforeAll(() => {
    features = vgg19Features({weights});
  });
  afterAll(() => features.dispose());

  test("are those of PyTorch's", async () => {
    const input = tf.tensor4d(golden.input, golden.shape);
    const before = tf.memory().numTensors;
    const maps = features(input, Object.keys(golden.features));
    expect(tf.memory().numTensors).toBe(before + 5);
    for (const [name, {shape, mean, first}] of Object.entries(golden.features)) {
      expect(maps[name]!.shape).toEqual(shape);
      const values = await valuesOf(maps[name]!);
      expectClose(values.slice(0, first.length), first, 1e-5);
      // The mean is what is left of values of both signs.
      const largest = Math.max(...first.map(Math.abs));
      const average = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(Math.abs(average - mean)).toBeLessThan(1e-5 * largest);
    }
    tf.dispose([maps, input]);
  });

  test('are given behind an activation and a pooling too, and no deeper than asked for', async () => {
    const image = tf.randomUniform<tf.Rank.R4>([1, 4, 6, 3], 0, 1, 'float32', 1);
    const {conv1_2, relu1_2, pool1} = features(image, ['pool1', 'conv1_2', 'relu1_2']);
    expectClose(await valuesOf(relu1_2!), await valuesOf(tf.relu(conv1_2!)));
    expectClose(await valuesOf(pool1!), await valuesOf(tf.maxPool(relu1_2 as tf.Tensor4D, 2, 2, 'valid')));
    expect(pool1!.shape).toEqual([1, 2, 3, 64]);
    expect(() => features(image, ['pool3'])).toThrow('at least 8 x 8 pixels for these layers');
  });
});

describe('weights of VGG19', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('are read as a file has them, in float16 as well', async () => {
    const first = Object.fromEntries(Object.entries(weights).slice(0, 2));
    const {tensors} = readSafetensors(
      writeSafetensors(Object.fromEntries(Object.entries(first).map(([name, one]) => [name, {...one, dtype: 'float16'}]))),
    );
    const image = tf.ones([1, 2, 2, 3]);
    const [exact, half] = [weights, {...weights, ...tensors}].map(weights => vgg19Features({weights}));
    const [expected, rounded] = [exact!, half!].map(features => features(image, ['conv1_1']).conv1_1!);
    expectClose(await valuesOf(rounded!), await valuesOf(expected!), 2e-3);
    expect(await valuesOf(rounded!)).not.toEqual(await valuesOf(expected!));
  });

  test.each<[string, Partial<SafetensorsTensor> | undefined, string]>([
    ['that are missing', undefined, 'but it does not; docs/perceptual-losses.md says how to get them.'],
    ['of another shape', {shape: [512, 512, 9]}, 'but its shape is [512, 512, 9].'],
    ['that are no numbers with a fraction', {dtype: 'int64', data: new BigInt64Array(1)}, 'but its dtype is int64.'],
  ])('%s are refused', (_, change, message) => {
    const name = 'features.34.weight';
    const {[name]: last, ...rest} = weights;
    const given = change ? {...rest, [name]: {...last!, ...change}} : rest;
    const before = tf.memory().numTensors;
    const refused = () => vgg19Features({weights: given});
    expect(refused).toThrow(
      "vgg19Features: weights must hold features.34.weight of shape [512, 512, 3, 3], as torchvision's vgg19 does",
    );
    expect(refused).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('must be given', () => {
    expect(() => vgg19Features({} as never)).toThrow('weights must hold features.0.weight of shape [64, 3, 3, 3]');
  });

  test('are freed, and what is no image or layer is refused', () => {
    const before = tf.memory().numTensors;
    const features = vgg19Features({weights});
    expect(tf.memory().numTensors).toBe(before + 32);
    const image = tf.zeros([1, 8, 8, 3]);
    expect(() => features(image, ['conv6_1'])).toThrow("no layer is called 'conv6_1'; there are conv1_1,");
    expect(() => features(image, ['conv5_4'])).toThrow(
      'must be [batch, height, width, 3] of at least 16 x 16 pixels for these layers, but they are [1, 8, 8, 3].',
    );
    expect(() => features(image.squeeze([0]), ['conv1_1'])).toThrow('but they are [8, 8, 3].');
    expect(() => features(image.slice([0, 0, 0, 0], [1, 8, 8, 1]), ['conv1_1'])).toThrow('but they are [1, 8, 8, 1].');
    features.dispose();
    expect(tf.memory().numTensors).toBeLessThan(before + 32);
  });
});
