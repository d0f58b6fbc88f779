import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions, Penalty} from 'tfjs-ragan';
import {GAN, StandardLoss, wganPenalty} from 'tfjs-ragan';
import {describeOnBackends, tensorFlow} from '../support/backends.js';
import {conditionalBatch, conditionalNetworks} from '../support/conditional-gan.js';
import {batch, compiled, content, weightsOf} from '../support/small-gan.js';

describeOnBackends('the random numbers of a GAN', backend => {
  const dense = (units: number, seed: number, rest = {}) =>
    tf.layers.dense({units, kernelInitializer: tf.initializers.glorotNormal({seed}), ...rest});

  /** Networks of the same weights every time, with layers that draw. */
  function plainNetworks() {
    const {leakyReLU, dropout, gaussianNoise} = tf.layers;
    return {
      generator: tf.sequential({layers: [dense(6, 1, {inputShape: [4]}), dropout({rate: 0.3}), dense(3, 2)]}),
      discriminator: tf.sequential({
        layers: [
          gaussianNoise({stddev: 0.2, inputShape: [3]}),
          dense(8, 3),
          leakyReLU(),
          dropout({rate: 0.5}),
          dense(1, 4),
        ],
      }),
    };
  }

  /** Those, with a dropout at the critic's end, of latents and a class and of samples and their class and shift. */
  function networksOfConditions() {
    const {generator, discriminator} = conditionalNetworks();
    const drawn = tf.layers.dropout({rate: 0.5}).apply(discriminator.outputs[0]!) as tf.SymbolicTensor;
    return {generator, discriminator: tf.model({inputs: discriminator.inputs, outputs: drawn})};
  }

  /** A GAN of such networks and a penalty that draws; one that goes on from another's weights and step. */
  function trained(options: Partial<GANCompileOptions>, from?: GAN, isConditional = false) {
    const {generator, discriminator} = isConditional ? networksOfConditions() : plainNetworks();
    const warnings: string[] = [];
    const gan = new GAN({generator, discriminator});
    gan.compile({
      generatorOptimizer: tf.train.sgd(0.05),
      discriminatorOptimizer: tf.train.sgd(0.05),
      loss: new StandardLoss({criterion: 'wasserstein'}),
      generatorLosses: [content],
      penalties: [wganPenalty({weight: 1, every: 2})],
      onWarning: message => void warnings.push(message),
      ...options,
    });
    if (from) {
      generator.setWeights(from.generator.getWeights());
      discriminator.setWeights(from.discriminator.getWeights());
      gan.step = from.step;
    }
    const {xs, ys, ...rest} = isConditional ? conditionalBatch() : batch(7);
    const train = async (last: number) => {
      const losses = [];
      while (gan.step < last) losses.push(await gan.trainOnBatch(xs, ys, rest));
      return {losses, weights: [await weightsOf(generator), await weightsOf(discriminator)]};
    };
    return {gan, train, warnings};
  }

  test.each<[string, Partial<GANCompileOptions>, boolean]>([
    ['in one pass', {passes: 'one'}, false],
    ['in separate passes', {passes: 'separate', discriminatorSteps: 2}, false],
    ['in micro-batches', {microBatchSize: 3}, false],
    ['with noise on the samples', {instanceNoise: step => 0.1 * Math.max(0, 6 - step)}, false],
    ['without capture', {capture: false}, false],
    ['under conditions', {}, true],
    ['under conditions, in micro-batches', {microBatchSize: 3}, true],
  ])('are those of the seed and the step, %s', async (_, options, isConditional) => {
    const run = (seed?: number) => trained({...options, ...(seed !== undefined && {seed})}, undefined, isConditional);
    const whole = run(5);
    const first = await whole.train(8);
    expect(await run(5).train(8)).toEqual(first);
    // Stopped after five steps.
    const before = run(5);
    const {losses} = await before.train(5);
    const after = trained({...options, seed: 5}, before.gan, isConditional);
    const rest = await after.train(8);
    expect({...rest, losses: [...losses, ...rest.losses]}).toEqual(first);
    for (const other of [run(6), run(), run()]) {
      expect((await other.train(3)).losses).not.toEqual(first.losses.slice(0, 3));
    }
    if (backend === tensorFlow && options.capture !== false) {
      expect(whole.gan.captureStatus).toMatchObject({state: 'captured'});
      expect([...whole.warnings, ...after.warnings]).toEqual([]);
    }
    for (const {gan} of [whole, before, after]) gan.dispose();
  });

  test('are others for each micro-batch', async () => {
    // Heads or tails, drawn once for all samples that the penalty sees.
    const coin: Penalty = {
      name: 'coin',
      weight: 1,
      penalty: (critic, real) => tf.add<tf.Scalar>(tf.round(tf.randomUniform([])), tf.mul(0, tf.mean(critic(real)))),
    };
    const {xs, ys} = batch(8);
    for (const microBatchSize of [8, 1]) {
      const gan = compiled({seed: 1, microBatchSize, penalties: [coin]});
      const shares = [];
      for (let i = 0; i < 6; i++) shares.push((await gan.trainOnBatch(xs, ys)).coin!);
      const isOneDraw = (share: number) => share === 0 || share === 1;
      if (microBatchSize === 8) expect(shares.every(isOneDraw)).toBe(true);
      else expect(shares.filter(isOneDraw).length).toBeLessThan(3);
      expect(new Set(shares).size).toBeGreaterThan(1);
      if (backend === tensorFlow) expect(gan.captureStatus).toMatchObject({state: 'captured'});
      gan.dispose();
    }
  });

  test('leave Math.random as it is, also where a step fails', async () => {
    const {random} = Math;
    const {xs, ys} = batch();
    const broken = {...content, loss: () => tf.scalar(Math.random()).as1D() as unknown as tf.Scalar};
    const gan = compiled({seed: 1, capture: false, generatorLosses: [broken]});
    await expect(gan.trainOnBatch(xs, ys)).rejects.toThrow();
    expect(Math.random).toBe(random);
    await compiled({seed: 1}).trainOnBatch(xs, ys);
    expect(Math.random).toBe(random);
  });

  test('need a whole number as seed', () => {
    for (const seed of [-1, 1.5, NaN, '1' as unknown as number]) {
      expect(() => compiled({seed})).toThrow(/GAN\.compile: seed must be a whole number of at least 0, but it is/);
    }
  });
});
