import * as tf from '@tensorflow/tfjs';
import type {LatentsOptions} from 'tfjs-ragan';
import {GAN, latents, RelativisticPairedLoss, r1Penalty, r2Penalty} from 'tfjs-ragan';
import {describeOnBackends, tensorFlow} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

/** The values of a dataset's first batches, which are freed. */
async function batches(count: number, options: LatentsOptions) {
  const iterator = await latents(options).iterator();
  const taken = [];
  for (let i = 0; i < count; i++) {
    const {value, done} = (await iterator.next()) as IteratorYieldResult<tf.Tensor>;
    expect(done).toBe(false);
    expect(value.dtype).toBe('float32');
    taken.push({shape: value.shape, values: await valuesOf(value)});
    value.dispose();
  }
  return taken as [{shape: number[]; values: number[]}, ...typeof taken];
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describeOnBackends('latents', backend => {
  test('are batches of the shape, the same each time, and each other than the next', async () => {
    const options = {shape: [3, 5], batch: 7, seed: 4};
    const {numTensors} = tf.memory();
    const taken = await batches(3, options);
    expect(tf.memory().numTensors).toBe(numTensors);
    for (const {shape} of taken) expect(shape).toEqual([7, 3, 5]);
    expect(await batches(3, options)).toEqual(taken);
    expect(new Set(taken.flatMap(({values}) => values)).size).toBe(3 * 7 * 3 * 5);
  });

  test('begin at a given batch', async () => {
    const options = {shape: [8], batch: 2, seed: 1};
    const taken = await batches(5, options);
    expect(await batches(2, {...options, firstBatch: 3})).toEqual(taken.slice(3));
  });

  test('are other ones of another seed', async () => {
    const seeds = [0, 1, 2, -1, 2 ** 40];
    const of = await Promise.all(seeds.map(seed => batches(2, {shape: [3], batch: 1, seed})));
    expect(new Set(of.flat().flatMap(({values}) => values)).size).toBe(seeds.length * 6);
    expect(await batches(1, {shape: [3], batch: 1})).toEqual([of[0]![0]]);
  });

  test('are the same on every backend', async () => {
    const [{values}] = await batches(1, {shape: [3], batch: 1, seed: 5});
    // Computed in Python from the definitions of sfc32 and of Box and Muller.
    expectClose(values, [0.3598657750274531, 1.6316328096533133, 1.830967423833157], 1e-6);
  });

  test('an unconditional GAN learns from them and real samples, zipped', async () => {
    const layer = (units: number, seed: number, more = {}) =>
      tf.layers.dense({units, kernelInitializer: tf.initializers.glorotNormal({seed}), ...more});
    const network = (inputDim: number, outputs: number, seed: number) =>
      tf.sequential({
        layers: [layer(16, seed, {inputDim}), tf.layers.leakyReLU({alpha: 0.2}), layer(outputs, seed + 1)],
      });
    const gan = new GAN({generator: network(4, 2, 1), discriminator: network(2, 1, 3)});
    gan.compile({
      generatorOptimizer: tf.train.adam(0.01, 0),
      discriminatorOptimizer: tf.train.adam(0.02, 0),
      loss: new RelativisticPairedLoss(),
      penalties: [r1Penalty({gamma: 1}), r2Penalty({gamma: 1})],
      weightAverage: {decay: 0.95},
    });
    const [{values: spread}] = await batches(1, {shape: [2], batch: 96, seed: 9});
    const samples = Array.from({length: 96}, (_, i) => [1 + 0.3 * spread[2 * i]!, 0.3 * spread[2 * i + 1]! - 1]);
    const real = tf.data.array(samples).repeat().batch(32);
    const train = (firstBatch: number, batchesPerEpoch: number) =>
      gan.fitDataset(tf.data.zip({xs: latents({shape: [4], batch: 32, seed: 2, firstBatch}), ys: real}), {
        epochs: 1,
        batchesPerEpoch,
      });
    // The optimizers' tensors come with the first batches.
    await train(0, 10);
    const {numTensors} = tf.memory();
    await train(10, 90);
    expect(tf.memory().numTensors).toBe(numTensors);
    if (backend === tensorFlow) expect(gan.captureStatus?.state).toBe('captured');

    const noise = tf.tensor2d((await batches(1, {shape: [4], batch: 500, seed: 3}))[0].values, [500, 4]);
    const fakes = await valuesOf(gan.averagedGenerator.predict(noise) as tf.Tensor);
    for (const [axis, expected] of [1, -1].entries()) {
      const values = fakes.filter((_, i) => i % 2 === axis);
      const middle = mean(values);
      expect(Math.abs(middle - expected)).toBeLessThan(0.1);
      const deviation = Math.sqrt(mean(values.map(value => (value - middle) ** 2)));
      expect(Math.abs(deviation - 0.3)).toBeLessThan(0.15);
    }
    gan.dispose();
  });
});

describe('the numbers of latents', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('are standard normal', async () => {
    // An odd number of them, so that a pair is cut.
    const taken = await batches(20, {shape: [101, 99], batch: 1, seed: 6});
    const values = taken.flatMap(batch => batch.values);
    const within = (value: number, expected: number, deviation: number) =>
      expect(Math.abs(value - expected)).toBeLessThan((5 * deviation) / Math.sqrt(values.length));
    within(mean(values), 0, 1);
    within(mean(values.map(value => value ** 2)), 1, Math.sqrt(2));
    within(mean(values.map(value => value ** 3)), 0, Math.sqrt(15));
    within(mean(values.map(value => value ** 4)), 3, Math.sqrt(96));
    // Neither the two of a pair nor those of two batches go together.
    const product = (distance: number) => mean(values.slice(distance).map((value, i) => value * values[i]!));
    for (const distance of [1, 2, 101 * 99]) within(product(distance), 0, 1.1);
    for (const [limit, share] of [
      [1, 0.3173],
      [2, 0.0455],
      [3, 0.0027],
    ] as const) {
      within(values.filter(value => Math.abs(value) > limit).length / values.length, share, Math.sqrt(share));
    }
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test.each<[object, string]>([
    [{}, 'latents: shape must be an array of whole numbers of at least 1, such as [64], but it is undefined.'],
    [{shape: 64}, 'shape must be an array of whole numbers of at least 1, such as [64], but it is 64.'],
    [{shape: [null, 3]}, 'but it is [null,3].'],
    [{shape: [0]}, 'but it is [0].'],
    [{shape: [1.5]}, 'but it is [1.5].'],
    [{shape: [4], batch: 0}, 'latents: batch must be a whole number of at least 1, but it is 0.'],
    [{shape: [4], seed: 0.5}, 'latents: seed must be a whole number, but it is 0.5.'],
    [{shape: [4], firstBatch: -1}, 'latents: firstBatch must be a whole number of at least 0, but it is -1.'],
  ])('refuse %p', (options, message) => {
    expect(() => latents(options as LatentsOptions)).toThrow(message);
  });
});
