import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from 'tfjs-ragan';
import {GAN, cosine, r1Penalty} from 'tfjs-ragan';
import {activateBackend, describeOnBackends} from '../support/backends.js';
import {batch, compiled, content, networks, weightsOf} from '../support/small-gan.js';
import {expectClose} from '../support/values.js';

const sgd = (rate = 0.1) => ({generatorOptimizer: tf.train.sgd(rate), discriminatorOptimizer: tf.train.sgd(rate)});
const flat = async (model: tf.LayersModel) => (await weightsOf(model)).flat();
const norm = (values: number[]) => Math.hypot(...values);

/** How far each network's weights go in each of some steps. */
async function moves(options: Partial<GANCompileOptions>, steps: number) {
  const gan = compiled({...sgd(), ...options});
  const {xs, ys} = batch();
  const moved: Record<'generator' | 'discriminator', number[][]> = {generator: [], discriminator: []};
  for (let step = 0; step < steps; step++) {
    const before = {generator: await flat(gan.generator), discriminator: await flat(gan.discriminator)};
    await gan.trainOnBatch(xs, ys);
    for (const network of ['generator', 'discriminator'] as const) {
      const after = await flat(gan[network]);
      moved[network].push(after.map((weight, i) => weight - before[network][i]!));
    }
  }
  return {gan, moved};
}

describeOnBackends('updates', backend => {
  // Steps run as usual, and where there are captured ones enough of them that a graph runs.
  const capture = backend === 'tensorflow';

  test('learning rates are set before each step, for any optimizer', async () => {
    const rates = [0.1, 0.2, 0, 0.05, 0.4, 0.3];
    const {moved} = await moves(
      {generatorLearningRate: step => rates[step]!, discriminatorLearningRate: 0, capture},
      6,
    );
    const plain = await moves({...sgd(1), discriminatorLearningRate: 0, capture: false}, 1);
    // The critic stands still, so only the generator's own move changes its gradient.
    expectClose(
      moved.generator[0]!,
      plain.moved.generator[0]!.map(move => 0.1 * move),
      1e-4,
    );
    expect(moved.generator.map(norm).map(move => move > 0)).toEqual(rates.map(rate => rate > 0));
    expect(moved.discriminator.every(move => norm(move) === 0)).toBe(true);
    const optimizers = [tf.train.adam(0.5), tf.train.momentum(0.5, 0.5), tf.train.rmsprop(0.5), tf.train.adagrad(0.5)];
    for (const optimizer of optimizers) {
      const still = await moves({generatorOptimizer: optimizer, generatorLearningRate: cosine({rate: 0, steps: 9})}, 2);
      expect(still.moved.generator.map(norm)).toEqual([0, 0]);
    }
  });

  test('clipNorm bounds the norm of a network’s gradients, and keeps their direction', async () => {
    const free = await moves({capture: false}, 1);
    const limit = {generator: norm(free.moved.generator[0]!) / 0.1 / 4, discriminator: 1e6};
    const clipped = await moves({clipNorm: limit, capture}, 4);
    expectClose(
      clipped.moved.generator[0]!,
      free.moved.generator[0]!.map(move => move / 4),
      1e-4,
    );
    expectClose(clipped.moved.discriminator[0]!, free.moved.discriminator[0]!, 1e-4);
    const both = await moves({clipNorm: 1e-3, capture}, 4);
    for (const move of [...both.moved.generator, ...both.moved.discriminator]) expect(norm(move)).toBeCloseTo(1e-4, 6);
  });

  test('the critic takes as many steps as it is told for each of the generator', async () => {
    const {gan, moved} = await moves({discriminatorSteps: 3, generatorLosses: [content], capture}, 12);
    const third = [false, false, true];
    expect(moved.generator.map(move => norm(move) > 0)).toEqual([...third, ...third, ...third, ...third]);
    expect(moved.discriminator.every(move => norm(move) > 0)).toBe(true);
    const {xs, ys} = batch();
    expect(Object.keys(await gan.trainOnBatch(xs, ys)).sort()).toEqual(['discriminatorLoss', 'generatorLoss']);
    // A mean is over the steps that had the loss.
    const twin = await moves({discriminatorSteps: 3, generatorLosses: [content], capture: false}, 13);
    const values: number[] = [];
    for (let step = 0; step < 6; step++) {
      const {content: value} = await twin.gan.trainOnBatch(xs, ys);
      if (value !== undefined) values.push(value);
    }
    const history = await gan.fitDataset(tf.data.generator(() => [batch()][Symbol.iterator]()).repeat(), {
      epochs: 1,
      batchesPerEpoch: 6,
    });
    expect(values).toHaveLength(2);
    expectClose([history.history.content![0] as number], [(values[0]! + values[1]!) / 2], 1e-4);
  });

  test('the average of the weights is exact, and its first steps count for little', async () => {
    const decay = 0.6;
    const gan = compiled({...sgd(), weightAverage: {decay}, capture});
    const {xs, ys} = batch();
    let expected = await flat(gan.generator);
    expectClose(await flat(gan.averagedGenerator), expected, 1e-7);
    for (let step = 1; step <= 20; step++) {
      await gan.trainOnBatch(xs, ys);
      const effective = Math.min(decay, step / (step + 9));
      const weights = await flat(gan.generator);
      expected = expected.map((average, i) => effective * average + (1 - effective) * weights[i]!);
    }
    expectClose(await flat(gan.averagedGenerator), expected, 1e-5);
    expect(await flat(gan.averagedGenerator)).not.toEqual(await flat(gan.generator));
    if (capture) expect(gan.captureStatus?.state).toBe('captured');
  });

  test('the average has the statistics of batch normalisation of now, also with a layer frozen on the way', async () => {
    const generator = tf.sequential({
      layers: [
        tf.layers.dense({units: 3, inputShape: [4]}),
        tf.sequential({layers: [tf.layers.batchNormalization({inputShape: [3]})]}),
        tf.layers.dense({units: 3}),
      ],
    });
    const gan = new GAN({generator, discriminator: networks().discriminator});
    gan.compile({...sgd(), weightAverage: {decay: 0.9}, capture: false});
    const {xs, ys} = batch();
    await gan.trainOnBatch(xs, ys);
    generator.layers[0]!.trainable = false;
    await gan.trainOnBatch(xs, ys);
    const of = (model: tf.LayersModel, layer: number) =>
      Promise.all(model.layers[layer]!.weights.map(async weight => Array.from(await weight.read().data())));
    const [[, , ...statistics], [, , ...averaged]] = [await of(generator, 1), await of(gan.averagedGenerator, 1)];
    expect(averaged).toEqual(statistics);
    expect(await of(gan.averagedGenerator, 0)).toEqual(await of(generator, 0));
    expect(await of(gan.averagedGenerator, 2)).not.toEqual(await of(generator, 2));
  });

  test('the average is of the same weights where a model in the generator is frozen', async () => {
    const frozen = tf.sequential({layers: [tf.layers.dense({units: 3, inputShape: [3]})]});
    frozen.trainable = false;
    const first = tf.layers.dense({units: 3, inputShape: [4]});
    const generator = tf.sequential({layers: [first, frozen, tf.layers.dense({units: 3})]});
    const gan = new GAN({generator, discriminator: networks().discriminator});
    gan.compile({...sgd(), weightAverage: {decay: 0}, capture: false});
    const {xs, ys} = batch();
    const outputs = async (model: tf.LayersModel) => Array.from(await (model.predict(xs) as tf.Tensor).data());
    expectClose(await outputs(gan.averagedGenerator), await outputs(generator), 1e-6);
    await gan.trainOnBatch(xs, ys);
    expectClose(await outputs(gan.averagedGenerator), await outputs(generator), 1e-6);
  });

  test('the average goes on with the step that training goes on with, and lives as long as it is asked for', async () => {
    const gan = compiled({...sgd(), weightAverage: {decay: 0.999}, capture});
    const {xs, ys} = batch();
    const average = gan.averagedGenerator;
    average.setWeights(average.weights.map(weight => tf.fill(weight.shape as number[], 100)));
    gan.step = 5000;
    await gan.trainOnBatch(xs, ys);
    expect(gan.step).toBe(5001);
    expect((await flat(average)).every(weight => weight > 99)).toBe(true);
    gan.compile({...sgd(), weightAverage: {decay: 0.9}});
    expect(gan.averagedGenerator).toBe(average);
    average.dispose();
    await gan.trainOnBatch(xs, ys);
    gan.compile({...sgd(), weightAverage: {decay: 0.9}});
    expect(gan.averagedGenerator).not.toBe(average);
    gan.compile(sgd());
    expect(() => gan.averagedGenerator).toThrow('there is no average');
  });

  test.each(['one', 'separate'] as const)('that fail leave nothing behind (%s)', async passes => {
    const penalty = () => {
      throw new Error('broken');
    };
    for (const discriminatorSteps of [1, 2]) {
      const gan = compiled({...sgd(), passes, discriminatorSteps, penalties: [{name: 'mine', weight: 1, penalty}]});
      const {xs, ys} = batch();
      const before = tf.memory().numTensors;
      await expect(gan.trainOnBatch(xs, ys)).rejects.toThrow('broken');
      expect(tf.memory().numTensors).toBe(before);
      expect(gan.step).toBe(0);
    }
  });

  test('leave nothing behind', async () => {
    const gan = compiled({
      ...sgd(),
      clipNorm: 1,
      weightAverage: {decay: 0.9},
      discriminatorSteps: 2,
      penalties: [r1Penalty({gamma: 1, every: 3})],
      generatorLearningRate: cosine({rate: 0.1, steps: 20}),
      capture: false,
    });
    const {xs, ys} = batch();
    for (let step = 0; step < 6; step++) await gan.trainOnBatch(xs, ys);
    const before = tf.memory().numTensors;
    for (let step = 0; step < 6; step++) await gan.trainOnBatch(xs, ys);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('refusals of compile', () => {
  beforeAll(() => activateBackend('cpu'));
  test.each<[Partial<GANCompileOptions>, string]>([
    [{discriminatorSteps: 0}, 'discriminatorSteps must be a whole number of at least 1, but it is 0.'],
    [{clipNorm: 0}, 'clipNorm must be a finite number above 0, but it is 0.'],
    [{clipNorm: Infinity}, 'clipNorm must be a finite number above 0, but it is Infinity.'],
    [{clipNorm: {generator: -1}}, 'clipNorm must be a finite number above 0, but it is -1.'],
    [{clipNorm: '1' as unknown as number}, 'clipNorm must be a finite number above 0, but it is 1.'],
    [{capture: 'no' as unknown as boolean}, 'capture must be a boolean, but it is "no".'],
    [{penalties: r1Penalty({gamma: 1}) as unknown as []}, 'penalties must be an array, but it is object.'],
    [{generatorLosses: [{...content, name: 'size'}]}, '"size" is empty or taken'],
    [{clipNorm: {critic: 1} as object}, "GAN.compile clipNorm: unknown option 'critic'"],
    [{weightAverage: {decay: 1}}, 'the decay of weightAverage must be at least 0 and below 1, but it is 1.'],
    [
      {generatorLearningRate: -1},
      'generatorLearningRate must be a number of at least 0, or a function of the step, but it is -1.',
    ],
  ])('%#', (options, message) => {
    expect(() => compiled(options)).toThrow(message);
  });

  test.each([0.5, NaN, -1, '100'])('of a step that is none (%p)', step => {
    const gan = compiled();
    expect(() => (gan.step = step as number)).toThrow('GAN.step must be a whole number of at least 0');
  });

  test('of an average of layers that are not registered, and what was compiled stays', () => {
    class Own extends tf.layers.Layer {
      static className = 'OwnOfUpdates';
      override call(inputs: tf.Tensor[]) {
        return inputs[0]!.clone();
      }
    }
    const generator = tf.sequential({layers: [tf.layers.dense({units: 3, inputShape: [4]}), new Own()]});
    const gan = new GAN({generator, discriminator: networks().discriminator});
    gan.compile({...sgd(), passes: 'separate'});
    expect(() => gan.compile({...sgd(), weightAverage: {decay: 0.9}, passes: 'one'})).toThrow(
      'tf.serialization.registerClass (Unknown layer: OwnOfUpdates',
    );
    expect(gan.passes).toBe('separate');
  });

  test('of an average that is not kept', () => {
    expect(() => compiled().averagedGenerator).toThrow('set weightAverage in compile()');
  });
});
