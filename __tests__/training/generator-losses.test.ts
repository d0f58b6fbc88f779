import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions, GeneratorLoss} from 'tfjs-ragan';
import {GAN, RelativisticAverageLoss, StandardLoss} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {batch, networks, weightsOf} from '../support/small-gan.js';
import {expectClose} from '../support/values.js';

const apply = (model: tf.LayersModel, x: tf.Tensor) => model.apply(x) as tf.Tensor;

/** Losses that look at a sample through the critic, or at weights, besides the sample itself. */
const kinds: Record<string, (gan: GAN) => GeneratorLoss['loss']> = {
  'features of the critic': gan => (target, output) => {
    const difference = tf.sub(apply(gan.discriminator, target), apply(gan.discriminator, output));
    return tf.mean(tf.square(difference));
  },
  'weights of the critic': gan => () =>
    tf.tidy(() => tf.addN(gan.discriminator.trainableWeights.map(weight => tf.sum(tf.square(weight.read()))))),
  'weights of the generator': gan => () =>
    tf.tidy(() => tf.addN(gan.generator.trainableWeights.map(weight => tf.sum(tf.square(weight.read()))))),
  'another sample of the generator': gan => target => {
    const xs = tf.pad(tf.slice(target, [0, 0], [-1, 3]), [
      [0, 0],
      [0, 1],
    ]);
    return tf.mean(tf.square(tf.sub(apply(gan.generator, xs), target)));
  },
};

describeOnBackends('generator losses', backend => {
  test.each(['one', 'separate'] as const)('that look through the critic leave its weights alone (%s)', async passes => {
    const dense = (weight: number) =>
      tf.sequential({
        layers: [
          tf.layers.dense({
            units: 1,
            inputShape: [1],
            useBias: false,
            kernelInitializer: tf.initializers.constant({value: weight}),
          }),
        ],
      });
    const gan = new GAN({generator: dense(0.5), discriminator: dense(1)});
    const features: GeneratorLoss['loss'] = (target, output) => {
      const mean = (x: tf.Tensor) => tf.mean(apply(gan.discriminator, x));
      return tf.square(tf.sub(mean(target), mean(output)));
    };
    gan.compile({
      generatorOptimizer: tf.train.sgd(0.1),
      discriminatorOptimizer: tf.train.sgd(0.1),
      passes,
      generatorLosses: [{name: 'features', weight: 10, loss: features}],
    });
    await gan.trainOnBatch(tf.ones([2, 1]), tf.fill([2, 1], 2));
    expectClose((await weightsOf(gan.discriminator)).flat(), [1.0547], 1e-4);
  });

  describe.each(Object.entries(kinds))('by %s', (_, kind) => {
    const weightsAfter = async (options: Partial<GANCompileOptions>, lossWeight: number, steps = 4) => {
      const gan = new GAN(networks());
      const generatorLosses = [{name: 'own', weight: lossWeight, loss: kind(gan)}];
      gan.compile({
        generatorOptimizer: tf.train.sgd(0.1),
        discriminatorOptimizer: tf.train.sgd(0.1),
        generatorLosses,
        ...options,
      });
      const {xs, ys} = batch(6);
      for (let step = 0; step < steps; step++) await gan.trainOnBatch(xs, ys);
      if (options.capture) expect(gan.captureStatus?.state).toBe('captured');
      return {generator: (await weightsOf(gan.generator)).flat(), critic: (await weightsOf(gan.discriminator)).flat()};
    };

    test.each([new RelativisticAverageLoss(), new StandardLoss({criterion: 'hinge'})])(
      'one pass is separate ones (%#)',
      async loss => {
        const one = await weightsAfter({passes: 'one', loss, capture: false}, 0.3);
        const separate = await weightsAfter({passes: 'separate', loss, capture: false}, 0.3);
        expectClose(one.generator, separate.generator, 1e-5);
        expectClose(one.critic, separate.critic, 1e-5);
        if (backend !== 'tensorflow') return;
        const captured = await weightsAfter({passes: 'one', loss, capture: true}, 0.3);
        expectClose(captured.generator, separate.generator, 1e-5);
        expectClose(captured.critic, separate.critic, 1e-5);
      },
    );

    test.each(['one', 'separate'] as const)('the first step of the critic knows nothing of it (%s)', async passes => {
      const [without, withLoss] = [await weightsAfter({passes}, 0, 1), await weightsAfter({passes}, 5, 1)];
      expectClose(withLoss.critic, without.critic, 1e-6);
    });
  });

  test.each([{}, {microBatchSize: 2}])('with warmUp: false are no part of a warm-up (%j)', async options => {
    const run = async (capture: boolean) => {
      const gan = new GAN(networks());
      const calls = {always: 0, later: 0};
      const loss = (name: keyof typeof calls): GeneratorLoss['loss'] => {
        return (target, output) => {
          calls[name]++;
          return tf.mean(tf.square(tf.sub(target, output)));
        };
      };
      gan.compile({
        generatorOptimizer: tf.train.sgd(0.1),
        discriminatorOptimizer: tf.train.sgd(0.1),
        generatorLosses: [
          {name: 'always', weight: 1, loss: loss('always')},
          {name: 'later', weight: 0.5, loss: loss('later'), warmUp: false},
        ],
        capture,
        ...options,
      });
      const {xs, ys} = batch(4);
      const names: string[][] = [];
      for (const adversarial of [false, true]) {
        for (let step = 0; step < 4; step++)
          names.push(Object.keys(await gan.trainOnBatch(xs, ys, {adversarial})).sort());
        if (capture) expect(gan.captureStatus?.state).toBe('captured');
        if (!adversarial) expect(calls.later).toBe(0);
      }
      expect(calls.later).toBeGreaterThan(0);
      expect(calls.always).toBeGreaterThan(calls.later);
      expect(names[3]).toEqual(['always']);
      expect(names[7]).toEqual(['always', 'discriminatorLoss', 'generatorLoss', 'later']);
      return (await weightsOf(gan.generator)).flat();
    };
    const weights = await run(false);
    if (backend === 'tensorflow') expectClose(await run(true), weights, 1e-5);
  });

  test('for a warm-up are asked for, and their warmUp is a boolean', async () => {
    const gan = new GAN(networks());
    const loss = {name: 'own', weight: 1, loss: kinds['weights of the generator']!(gan), warmUp: false};
    const compile = (generatorLosses: GeneratorLoss[]) =>
      gan.compile({generatorOptimizer: tf.train.sgd(1), discriminatorOptimizer: tf.train.sgd(1), generatorLosses});
    compile([loss]);
    const {xs, ys} = batch(2);
    await expect(gan.trainOnBatch(xs, ys, {adversarial: false})).rejects.toThrow(
      'adversarial: false needs generatorLosses in compile()',
    );
    expect(() => compile([{...loss, warmUp: 1 as never}])).toThrow(
      "GAN.compile: generator loss 'own': warmUp must be one of true, false, but it is 1.",
    );
  });

  test('leave nothing behind', async () => {
    const gan = new GAN(networks());
    gan.compile({
      generatorOptimizer: tf.train.sgd(0.1),
      discriminatorOptimizer: tf.train.sgd(0.1),
      capture: false,
      generatorLosses: Object.entries(kinds).map(([name, kind]) => ({name, weight: 0.1, loss: kind(gan)})),
    });
    const {xs, ys} = batch(6);
    const before = tf.memory().numTensors;
    for (let step = 0; step < 3; step++) await gan.trainOnBatch(xs, ys);
    expect(tf.memory().numTensors).toBe(before);
  });
});
