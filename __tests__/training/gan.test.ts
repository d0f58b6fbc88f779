import * as tf from '@tensorflow/tfjs';
import type {Averaging, GANCompileOptions, GanLoss} from 'tfjs-ragan';
import {
  GAN,
  RelativisticAverageLoss,
  esrganGenerator,
  l1Loss,
  patchDiscriminator,
  setLearningRate,
  spectralNormalization,
  vggDiscriminator,
} from 'tfjs-ragan';
import {isPerSample} from '../../src/training/inspect-critic.js';
import {activateBackend, describeOnBackends} from '../support/backends.js';
import {batch, compiled, content, networks, weightsOf} from '../support/small-gan.js';
import {expectClose} from '../support/values.js';

describeOnBackends('a training step', () => {
  test('leaves the critic to its own loss and the generator to its own, bit for bit', async () => {
    const {xs, ys} = batch();
    const after = async (options: Partial<GANCompileOptions>) => {
      const gan = compiled(options);
      await gan.trainOnBatch(xs, ys);
      return [await weightsOf(gan.generator), await weightsOf(gan.discriminator)];
    };
    for (const passes of ['one', 'separate'] as const) {
      const [generator, discriminator] = await after({passes});
      // Another objective of the generator changes the generator alone.
      const [otherGenerator, sameDiscriminator] = await after({
        passes,
        adversarialWeight: 7,
        generatorLosses: [content],
      });
      expect(sameDiscriminator).toEqual(discriminator);
      expect(otherGenerator).not.toEqual(generator);
      // An optimizer that moves the critic by nothing changes the critic alone.
      const [sameGenerator, still] = await after({passes, discriminatorOptimizer: tf.train.sgd(0)});
      expect(sameGenerator).toEqual(generator);
      expect(still).toEqual(await weightsOf(networks().discriminator));
    }
  });

  test.each(['crossEntropy', 'leastSquares', 'hinge', 'wasserstein'] as const)(
    'is the same in one pass and in separate ones (%s)',
    async criterion => {
      const {xs, ys} = batch();
      const after = async (passes: 'one' | 'separate') => {
        const gan = compiled({
          passes,
          adversarialWeight: 0.3,
          generatorLosses: [content],
          loss: new RelativisticAverageLoss({criterion}),
        });
        for (let i = 0; i < 3; i++) await gan.trainOnBatch(xs, ys);
        return [...(await weightsOf(gan.generator)), ...(await weightsOf(gan.discriminator))].flat();
      };
      expectClose(await after('one'), await after('separate'), 1e-6);
    },
  );

  test('without the critic trains the generator on its losses alone', async () => {
    const gan = compiled({generatorLosses: [content]});
    const before = await weightsOf(gan.discriminator);
    const {xs, ys} = batch();
    const first = await gan.trainOnBatch(xs, ys, {adversarial: false});
    expect(Object.keys(first)).toEqual(['content']);
    for (let i = 0; i < 20; i++) await gan.trainOnBatch(xs, ys, {adversarial: false});
    expect((await gan.trainOnBatch(xs, ys, {adversarial: false})).content!).toBeLessThan(first.content!);
    expect(await weightsOf(gan.discriminator)).toEqual(before);
  });

  test.each(['one', 'separate'] as const)('leaks nothing over 200 steps (%s)', async passes => {
    const gan = compiled({
      passes,
      generatorLosses: [content],
      generatorOptimizer: tf.train.adam(1e-3),
      discriminatorOptimizer: tf.train.adam(1e-3),
    });
    const {xs, ys} = batch();
    await gan.trainOnBatch(xs, ys);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 200; i++) await gan.trainOnBatch(xs, ys);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('that fails changes and leaks nothing', async () => {
    const broken = {
      name: 'broken',
      weight: 1,
      loss: () => {
        throw new Error('no loss today');
      },
    };
    const {xs, ys} = batch();
    for (const passes of ['one', 'separate'] as const) {
      const gan = compiled({passes, generatorLosses: [broken]});
      const weights = [await weightsOf(gan.generator), await weightsOf(gan.discriminator)];
      const before = tf.memory().numTensors;
      await expect(gan.trainOnBatch(xs, ys)).rejects.toThrow('no loss today');
      expect(tf.memory().numTensors).toBe(before);
      expect([await weightsOf(gan.generator), await weightsOf(gan.discriminator)]).toEqual(weights);
    }
  });
});

describe('on wasm', () => {
  beforeAll(() => activateBackend('wasm'));

  test('an ESRGAN step is the same in one pass and in separate ones', async () => {
    const xs = tf.randomUniform([2, 4, 4, 3], 0, 1, 'float32', 1);
    const ys = tf.randomUniform([2, 16, 16, 3], 0, 1, 'float32', 2);
    const after = async (passes: 'one' | 'separate') => {
      const gan = new GAN({
        generator: esrganGenerator({filters: 4, growth: 2, blocks: 1, seed: 1}),
        discriminator: vggDiscriminator({size: 16, filters: 4, seed: 2}),
      });
      gan.compile({
        generatorOptimizer: tf.train.sgd(0.1),
        discriminatorOptimizer: tf.train.sgd(0.1),
        passes,
        generatorLosses: [content],
      });
      for (let i = 0; i < 2; i++) await gan.trainOnBatch(xs, ys);
      return [...(await weightsOf(gan.generator)), ...(await weightsOf(gan.discriminator))].flat();
    };
    expectClose(await after('one'), await after('separate'), 1e-5);
  });

  test.each([
    ['batch normalisation', () => vggDiscriminator({size: 16, filters: 2, batchNorm: true}), 'separate'],
    ['a map of logits', () => patchDiscriminator({filters: 2, stages: 1}), 'separate'],
    ['one logit per image', () => vggDiscriminator({size: 16, filters: 2}), 'one'],
  ] as const)('a critic with %s trains', async (_, discriminator, passes) => {
    const gan = new GAN({
      generator: esrganGenerator({filters: 2, growth: 2, blocks: 1}),
      discriminator: discriminator(),
    });
    gan.compile({generatorOptimizer: tf.train.sgd(0.01), discriminatorOptimizer: tf.train.sgd(0.01)});
    expect(gan.passes).toBe(passes);
    const logs = await gan.trainOnBatch(tf.randomUniform([2, 4, 4, 3]), tf.randomUniform([2, 16, 16, 3]));
    expect(Number.isFinite(logs.generatorLoss!)).toBe(true);
  });
});

describe('one pass over a critic that mixes samples', () => {
  beforeAll(() => activateBackend('cpu'));
  const {dense, batchNormalization, timeDistributed, flatten} = tf.layers;
  const normalised = () => batchNormalization({name: 'mixing'});
  test.each<[string, () => tf.layers.Layer[]]>([
    ['in a layer', () => [dense({units: 2, inputShape: [3]}), normalised(), dense({units: 1})]],
    [
      'in a model in the model',
      () => [tf.sequential({layers: [dense({units: 2, inputShape: [3]}), normalised()]}), dense({units: 1})],
    ],
    [
      'in a wrapper',
      () => [
        tf.layers.reshape({targetShape: [3, 1], inputShape: [3]}),
        timeDistributed({layer: normalised()}),
        flatten(),
        dense({units: 1}),
      ],
    ],
  ])('is refused: %s', (_, layers) => {
    const gan = new GAN({generator: networks().generator, discriminator: tf.sequential({layers: layers()})});
    const optimizers = () => ({generatorOptimizer: tf.train.sgd(1), discriminatorOptimizer: tf.train.sgd(1)});
    expect(() => gan.compile({...optimizers(), passes: 'one'})).toThrow(
      "passes must be 'separate' for a discriminator that mixes the samples of a batch, as its layer mixing (BatchNormalization) does",
    );
    gan.compile(optimizers());
    expect(gan.passes).toBe('separate');
  });

  test('is taken over spectral normalisation, which has no lanes', () => {
    const discriminator = tf.sequential({
      layers: [tf.layers.inputLayer({inputShape: [3]}), spectralNormalization(dense({units: 1}))],
    });
    expect(isPerSample(discriminator)).toBe(false);
    const gan = new GAN({generator: networks().generator, discriminator});
    gan.compile({generatorOptimizer: tf.train.sgd(1), discriminatorOptimizer: tf.train.sgd(1)});
    expect(gan.passes).toBe('one');
  });
});

describe('refusals', () => {
  beforeAll(() => activateBackend('cpu'));
  const {xs, ys} = {xs: () => tf.ones([2, 4]), ys: () => tf.ones([2, 3])};
  test.each<[string, () => Promise<unknown>, string]>([
    ['not compiled', () => new GAN(networks()).trainOnBatch(xs(), ys()), 'call compile() first'],
    [
      'batch sizes',
      () => compiled().trainOnBatch(tf.ones([3, 4]), ys()),
      'as many samples each, but they hold 3 and 2',
    ],
    [
      'input',
      () => compiled().trainOnBatch(tf.ones([2, 5]), ys()),
      "the generator's input shape, [any, 4], but its shape is [2, 5]",
    ],
    [
      'output',
      () => compiled().trainOnBatch(xs(), tf.ones([2, 4])),
      "the generator's output for these xs, [2, 3], but its shape is [2, 4]",
    ],
    ['dtype', () => compiled().trainOnBatch(xs().toInt(), ys()), 'xs must be of dtype float32, but it is int32'],
    ['empty', () => compiled().trainOnBatch(tf.zeros([0, 4]), tf.zeros([0, 3])), 'at least one sample'],
    [
      'no tensor',
      () => compiled().trainOnBatch([1, 2] as unknown as tf.Tensor, ys()),
      'xs must be a tf.Tensor, but it is an array',
    ],
    ...(['one', 'separate'] as const).flatMap(passes =>
      (['generator', 'discriminator'] as const).map((name): [string, () => Promise<unknown>, string] => [
        `a frozen ${name}, passes ${passes}`,
        () => {
          const gan = compiled({passes});
          gan[name].trainable = false;
          return gan.trainOnBatch(xs(), ys());
        },
        `the ${name} has no trainable weight; set trainable to true`,
      ]),
    ),
    ['no losses', () => compiled().trainOnBatch(xs(), ys(), {adversarial: false}), 'needs generatorLosses'],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });

  test('of compile', () => {
    const gan = new GAN(networks());
    const optimizer = tf.train.sgd(1);
    const both = {generatorOptimizer: tf.train.sgd(1), discriminatorOptimizer: tf.train.sgd(1)};
    expect(() => gan.compile({generatorOptimizer: optimizer, discriminatorOptimizer: optimizer})).toThrow(
      'both are the same object',
    );
    expect(() => gan.compile({...both, generatorOptimizer: 'adam' as unknown as tf.Optimizer})).toThrow(
      'generatorOptimizer must be a tf.Optimizer',
    );
    expect(() => gan.compile({...both, loss: new RelativisticAverageLoss({reduction: tf.Reduction.NONE})})).toThrow(
      'reduction is NONE',
    );
    expect(() => gan.compile({...both, generatorLosses: [content, content]})).toThrow('"content" is empty or taken');
    expect(() => gan.compile({...both, adversarialWeight: NaN})).toThrow(
      'adversarialWeight must be a finite number, but it is NaN',
    );
    expect(() => gan.compile({...both, passes: 'two' as 'one'})).toThrow(
      "passes must be 'auto', 'one' or 'separate', but it is two",
    );
    expect(() => gan.compile({...both, averaging: {} as Averaging})).toThrow(
      'averaging must have a function total(sum, count), as localAveraging has, but it is {}',
    );
    expect(() => gan.compile({...both, loss: 'hinge' as unknown as GanLoss})).toThrow(
      'loss must be a GanLoss, such as new RelativisticAverageLoss(), but it is string',
    );
    expect(() => new GAN({...networks(), generator: {} as tf.LayersModel})).toThrow(
      'generator must be a tf.LayersModel',
    );
    const ofAnotherCopy = {layers: [], getWeights: () => [], predict: () => undefined} as unknown as tf.LayersModel;
    expect(() => new GAN({...networks(), generator: ofAnotherCopy})).toThrow(
      'generator is a model of another copy of TensorFlow.js',
    );
    const shared = tf.layers.dense({units: 3, inputShape: [3], name: 'shared'});
    const model = (first: tf.layers.Layer) => tf.sequential({layers: [first, shared]});
    const generator = model(tf.layers.dense({units: 3, inputShape: [4]}));
    const discriminator = tf.sequential({layers: [shared, tf.layers.dense({units: 1})]});
    expect(() => new GAN({generator, discriminator})).toThrow(
      'generator and discriminator must have weights of their own, but they share shared/kernel',
    );
  });

  test('of setLearningRate', () => {
    for (const rate of [NaN, -1, Infinity]) {
      expect(() => setLearningRate(tf.train.adam(1), rate)).toThrow(
        `the learning rate must be a number of at least 0, but it is ${rate}`,
      );
    }
  });

  test('of l1Loss', () => {
    expect(() => l1Loss(tf.ones([2, 3]), tf.ones([2, 1]))).toThrow(
      'target and output must have the same shape, but they are [2, 3] and [2, 1]',
    );
  });
});
