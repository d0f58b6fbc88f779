import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from 'tfjs-ragan';
import {GAN, r1Penalty} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {batch, content, networks, weightsOf} from '../support/small-gan.js';
import {expectClose} from '../support/values.js';

const RATE = 0.25;

const compiled = (options: Partial<GANCompileOptions> = {}) => {
  const gan = new GAN(networks());
  gan.compile({
    generatorOptimizer: tf.train.sgd(1),
    discriminatorOptimizer: tf.train.sgd(1),
    generatorLearningRate: RATE,
    discriminatorLearningRate: step => RATE / (1 + step),
    adversarialWeight: 0.5,
    generatorLosses: [{...content, weight: 3}],
    penalties: [r1Penalty({gamma: 8, every: 2})],
    passes: 'separate',
    ...options,
  });
  return gan;
};

const flat = async (model: tf.LayersModel) => (await weightsOf(model)).flat();

/** The root of the mean over values of their variance over the batch. */
async function spread(samples: tf.Tensor): Promise<number> {
  return (await tf.sqrt(tf.mean(tf.moments(samples, 0).variance)).data())[0]!;
}

describeOnBackends('what a step tells', backend => {
  const ways: [string, Partial<GANCompileOptions>][] = [
    ['separate passes', {capture: false}],
    ['one pass', {passes: 'one', capture: false}],
    ['in micro-batches', {microBatchSize: 3, capture: false}],
    ['in micro-batches of one', {microBatchSize: 1, passes: 'one', capture: false}],
    ...(backend === 'tensorflow' || backend === 'cuda'
      ? ([
          ['captured', {}],
          ['captured, in micro-batches', {microBatchSize: 3}],
        ] as [string, Partial<GANCompileOptions>][])
      : []),
  ];
  test.each(ways)('is of the weights before it (%s)', async (_, options) => {
    const gan = compiled(options);
    const {xs, ys} = batch();
    for (let step = 0; step < 6; step++) await gan.trainOnBatch(xs, ys, {diagnose: true});
    const before = {generator: await flat(gan.generator), discriminator: await flat(gan.discriminator)};
    const fake = gan.generator.predict(xs) as tf.Tensor;
    const logits = await Promise.all(
      [ys, fake].map(async samples => Array.from(await (gan.discriminator.predict(samples) as tf.Tensor).data())),
    );
    const losses = await gan.trainOnBatch(xs, ys, {diagnose: true});
    if (options.capture !== false) expect(gan.captureStatus?.state).toBe('captured');
    const {step, scalars, histograms} = await gan.diagnostics();
    expect(step).toBe(7);

    expectClose(histograms['logits/real']!, logits[0]!, 1e-4);
    expectClose(histograms['logits/fake']!, logits[1]!, 1e-4);
    for (const [side, values] of [
      ['real', logits[0]!],
      ['fake', logits[1]!],
    ] as const) {
      const mean = values.reduce((sum, value) => sum + value) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      expect(scalars[`logits/${side}Mean`]).toBeCloseTo(mean, 4);
      expect(scalars[`logits/${side}Std`]).toBeCloseTo(Math.sqrt(variance), 4);
    }
    const right = logits[0]!.filter((logit, i) => logit > logits[1]![i]!).length;
    expect(scalars['logits/shareRight']).toBe(right / logits[0]!.length);

    for (const network of ['generator', 'discriminator'] as const) {
      // SGD moves by the gradient times the rate.
      const after = await flat(gan[network]);
      const moved = Math.hypot(...after.map((weight, i) => weight - before[network][i]!));
      const rate = network === 'generator' ? RATE : RATE / 7;
      expect(scalars[`learningRate/${network}`]).toBeCloseTo(rate, 6);
      expectClose([scalars[`gradientNorm/${network}`]!], [moved / rate], 1e-3);
    }

    // Step 6, from 0, has the penalty, twice as heavy.
    const weights = {discriminatorLoss: 1, generatorLoss: 0.5, content: 3, r1: 8};
    expect(Object.keys(losses).sort()).toEqual(Object.keys(weights).sort());
    for (const [name, weight] of Object.entries(weights)) {
      expectClose([scalars[`loss/${name}`]!], [losses[name]!], 1e-6);
      expectClose([scalars[`weightedLoss/${name}`]!], [weight * losses[name]!], 1e-6);
    }
    expect(scalars['speed/imagesPerSecond']).toBeGreaterThan(0);
    expect(scalars['memory/tensors']).toBeGreaterThan(0);
    expect(scalars['memory/tensorBytes']).toBeGreaterThan(0);
    expect(scalars['guard/skippedSteps']).toBe(0);
    expectClose(
      [scalars['samples/realSpread']!, scalars['samples/fakeSpread']!],
      [await spread(ys), await spread(fake)],
      1e-3,
    );
    // The same for all that ask for it.
    expect(await gan.diagnostics()).toBe(await gan.diagnostics());
  });

  test.each(ways)('is of samples without the noise on them (%s)', async (_, options) => {
    // So slow that the generator's tanh is not saturated by what it learns amid so much noise.
    const gan = compiled({instanceNoise: 5, generatorLearningRate: 1e-3, ...options});
    const {xs, ys} = batch();
    for (let step = 0; step < 4; step++) await gan.trainOnBatch(xs, ys, {diagnose: true});
    const fake = gan.generator.predict(xs) as tf.Tensor;
    await gan.trainOnBatch(xs, ys, {diagnose: true});
    const {scalars} = await gan.diagnostics();
    const spreads = [scalars['samples/realSpread']!, scalars['samples/fakeSpread']!];
    const expected = [await spread(ys), await spread(fake)];
    expect(expected[1]).toBeGreaterThan(0.1);
    expectClose(spreads, expected, 1e-3);
  });

  test('has what the step has: before the first nothing, and in a warm-up nothing of the critic', async () => {
    const gan = compiled();
    expect(await gan.diagnostics()).toEqual({step: 0, scalars: {}, histograms: {}});
    const {xs, ys} = batch();
    await gan.trainOnBatch(xs, ys, {adversarial: false, diagnose: true});
    const {scalars, histograms} = await gan.diagnostics();
    expect(histograms).toEqual({});
    expect(
      Object.keys(scalars).filter(name => /logits|samples|discriminator.*Norm|norm.*discriminator/i.test(name)),
    ).toEqual([]);
    expect(scalars['loss/content']).toBeGreaterThan(0);
    expect(scalars['gradientNorm/generator']).toBeGreaterThan(0);
    await expect(new GAN(networks()).diagnostics()).rejects.toThrow('GAN.diagnostics: call compile() first');
  });
});
