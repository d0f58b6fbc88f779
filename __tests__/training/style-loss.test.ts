import * as tf from '@tensorflow/tfjs';
import type {FeatureCriterion} from 'tfjs-ragan';
import {styleLoss} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {expectTheSameHowever, trainedWith} from '../support/feature-loss-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

/** Two feature maps of an image, by hand. */
const features = (images: tf.Tensor, layers: readonly string[]) =>
  Object.fromEntries(layers.map(name => [name, name === 'double' ? images.mul(2) : images.square()]));
const layers = {double: 3, square: 0.5};

const SHAPE = [2, 3, 4, 3] as const;
const [BATCH, HEIGHT, WIDTH, CHANNELS] = SHAPE;
const random = (seed: number) => tf.randomUniform<tf.Rank.R4>([...SHAPE], -1, 1, 'float32', seed);

/** The loss by plain loops, in float64. */
function oracle(target: number[], output: number[], criterion: FeatureCriterion): number {
  const gram = (map: number[], image: number, i: number, j: number) => {
    let sum = 0;
    for (let pixel = 0; pixel < HEIGHT * WIDTH; pixel++) {
      const place = (image * HEIGHT * WIDTH + pixel) * CHANNELS;
      sum += map[place + i]! * map[place + j]!;
    }
    return sum / (CHANNELS * HEIGHT * WIDTH);
  };
  let loss = 0;
  for (const [weight, view] of [
    [layers.double, (x: number) => 2 * x],
    [layers.square, (x: number) => x * x],
  ] as const) {
    const [expected, actual] = [target.map(view), output.map(view)];
    let sum = 0;
    for (let image = 0; image < BATCH; image++) {
      for (let i = 0; i < CHANNELS; i++) {
        for (let j = 0; j < CHANNELS; j++) {
          const difference = gram(actual, image, i, j) - gram(expected, image, i, j);
          sum += criterion === 'l1' ? Math.abs(difference) : difference ** 2;
        }
      }
    }
    loss += (weight * sum) / (BATCH * CHANNELS * CHANNELS);
  }
  return loss;
}

describeOnBackends('styleLoss', backend => {
  test.each(['l1', 'l2'] as const)('is that of plain loops, and so is its gradient (%s)', async criterion => {
    const loss = styleLoss({features, layers, ...(criterion === 'l2' && {criterion})});
    const [target, output] = [random(1), random(2)];
    const before = tf.memory().numTensors;
    const {value, grad} = tf.valueAndGrad(x => loss(target, x))(output);
    expect(tf.memory().numTensors).toBe(before + 2);
    const [expected, pixels] = [await valuesOf(target), await valuesOf(output)];
    expectClose(await valuesOf(value), [oracle(expected, pixels, criterion)]);
    const moved = (i: number, by: number) =>
      oracle(
        expected,
        pixels.map((x, j) => (j === i ? x + by : x)),
        criterion,
      );
    expectClose(
      await valuesOf(grad),
      pixels.map((_, i) => (moved(i, 1e-6) - moved(i, -1e-6)) / 2e-6),
    );
    tf.dispose([value, grad, target, output]);
    expect(tf.memory().numTensors).toBe(before - 2);
  });

  test('tells what occurs together, not where', async () => {
    const image = random(1);
    const loss = styleLoss({features, layers});
    expect((await valuesOf(loss(image, image.reverse([1, 2]))))[0]).toBeLessThan(1e-6);
    expect((await valuesOf(loss(image, image.reverse(3))))[0]).toBeGreaterThan(1e-2);
  });

  test("takes Gatys' layers by default, also of features without a place", async () => {
    const asked: (readonly string[])[] = [];
    const vectors = (images: tf.Tensor, names: readonly string[]) => {
      asked.push(names);
      return Object.fromEntries(names.map(name => [name, images.mean([1, 2])]));
    };
    const value = styleLoss({features: vectors})(tf.zeros([1, 2, 2, 2]), tf.ones([1, 2, 2, 2]));
    // Of [1, 1]: [[1, 1], [1, 1]] / 2.
    expectClose(await valuesOf(value), [0.5]);
    expect(asked[0]).toEqual(['relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1']);
  });

  test('trains a GAN, the same however a step is computed', async () => {
    const loss = (criterion: FeatureCriterion) => () => styleLoss({features, layers: {double: 2}, criterion});
    const {losses} = await trainedWith(loss('l1'), {steps: 4});
    expect(losses.at(-1)).toBeLessThan(0.95 * losses[0]!);
    await expectTheSameHowever(loss('l2'), backend === 'cpu' ? 3 : 6, backend);
  });

  test('refuses what it cannot use', () => {
    expect(() => styleLoss({features, layers: {}})).toThrow("styleLoss: layers must be weights by the layers' names");
    expect(() => styleLoss({features: undefined as never})).toThrow('styleLoss: features must be a function');
    expect(() => styleLoss({features, criterion: 'fro' as never})).toThrow('styleLoss: criterion must be one of');
    const loss = styleLoss({features, layers});
    expect(() => loss(tf.zeros([1, 2, 2, 3]), tf.zeros([1, 4, 1, 3]))).toThrow(
      'styleLoss: target and output must have the same shape, but they are [1, 2, 2, 3] and [1, 4, 1, 3].',
    );
  });
});
