import * as tf from '@tensorflow/tfjs';
import type {CollapseWarningsOptions, GANCompileOptions} from 'tfjs-ragan';
import {collapseWarnings, GAN, RelativisticPairedLoss} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {batch, networks} from '../support/small-gan.js';

/** Steps of a GAN whose real samples are `real`, and what is told in them. */
async function warnings(
  {real, generator, ...options}: Partial<GANCompileOptions> & {real: tf.Tensor; generator?: tf.LayersModel},
  {steps = 30, adversarial = true, ...watch}: CollapseWarningsOptions & {steps?: number; adversarial?: boolean} = {},
): Promise<string[]> {
  const pair = networks();
  const gan = new GAN({...pair, ...(generator && {generator})});
  gan.compile({
    generatorOptimizer: tf.train.sgd(1e-9),
    discriminatorOptimizer: tf.train.sgd(1e-9),
    generatorLosses: [{name: 'none', weight: 0, loss: (_, output) => tf.mean(output)}],
    onWarning: () => undefined,
    ...options,
  });
  const told: string[] = [];
  const dataset = tf.data.generator(function* () {
    for (;;) yield {xs: batch().xs, ys: tf.clone(real)};
  });
  const callbacks = collapseWarnings({logEvery: 2, patience: 4, onWarning: message => told.push(message), ...watch});
  await gan.fitDataset(dataset, {epochs: 1, batchesPerEpoch: steps, adversarial, callbacks});
  gan.dispose();
  return told;
}

describeOnBackends('collapseWarnings', backend => {
  /** One that gives nearly the same whatever it is given. */
  const collapsed = () => {
    const {generator} = networks();
    const [kernel, bias] = generator.getWeights();
    generator.setWeights([tf.mul(kernel!, 1e-3), bias!]);
    return generator;
  };

  test('says nothing of a healthy GAN, nor of a warm-up', async () => {
    const {ys: real} = batch();
    expect(await warnings({real})).toEqual([]);
    expect(await warnings({real, generator: collapsed()}, {adversarial: false})).toEqual([]);
  });

  test('tells once of samples that are all alike, and only after some looks', async () => {
    const {ys: real} = batch();
    expect(await warnings({real, generator: collapsed()}, {steps: 6})).toEqual([]);
    const told = await warnings({real, generator: collapsed()});
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^step 8: the generator's samples of a batch differ by 0\.\d+ and the real ones by 0?\.?\d+.*: it makes nearly the same for every input\. Try a paired loss/,
    );
  });

  test('tells of a critic that is right about everything', async () => {
    // Real samples so far off that their logits are far above those of the fakes, whatever these are.
    const {discriminator} = networks();
    const direction = tf.tidy(() => tf.grad(x => tf.sum(discriminator.predict(x) as tf.Tensor))(tf.zeros([8, 3])));
    const far = tf.tidy(() => tf.add(batch().ys, tf.mul(direction, 1e3)));
    const told = await warnings({real: far, loss: new RelativisticPairedLoss()});
    expect(told.filter(message => message.includes('the critic tells every real sample'))).toEqual([
      expect.stringMatching(/^step 8: .* at a loss of \S+, so that it has nothing more to teach\. Try a smaller disc/),
    ]);
  });

  test.each([1, 3])('tells of a gradient that vanishes (discriminatorSteps: %d)', async discriminatorSteps => {
    const {ys: real} = batch();
    // Steps so large that its tanh is saturated for good.
    const told = await warnings(
      {real, generatorOptimizer: tf.train.sgd(1e4), generatorLosses: [], discriminatorSteps},
      {logEvery: 1, patience: 4, steps: 60},
    );
    expect(told.filter(message => message.includes("the norm of the generator's gradient is"))).toEqual([
      expect.stringMatching(/where it was \S+ at first, so that it hardly learns\. Try /),
    ]);
  });

  test('holds no tensor, and refuses what it does not know', async () => {
    const {ys: real} = batch();
    await warnings({real});
    expect(() => collapseWarnings({patience: 0})).toThrow(
      'collapseWarnings: patience must be a whole number of at least 1, but it is 0.',
    );
    expect(() => collapseWarnings({logEvery: 1.5})).toThrow('collapseWarnings: logEvery must be a whole number');
    expect(() => collapseWarnings({every: 1} as CollapseWarningsOptions)).toThrow(
      "collapseWarnings: unknown option 'every'",
    );
    const gan = new GAN(networks());
    gan.compile({
      generatorOptimizer: tf.train.sgd(1e-9),
      discriminatorOptimizer: tf.train.sgd(1e-9),
      capture: backend === 'tensorflow' || backend === 'cuda',
    });
    const fit = (batchesPerEpoch: number) =>
      gan.fitDataset(
        tf.data.generator(function* () {
          for (;;) yield batch();
        }),
        {epochs: 1, batchesPerEpoch, callbacks: collapseWarnings({logEvery: 1})},
      );
    await fit(4);
    const before = tf.memory().numTensors;
    await fit(4);
    // Those of the last step, until the next one or `gan.dispose`.
    expect(tf.memory().numTensors).toBe(before);
    gan.dispose();
  });
});
