import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from 'tfjs-ragan';
import {GAN, NonFiniteStepsError, r1Penalty, spectralNormalization} from 'tfjs-ragan';
import {MathBackendCPU} from '@tensorflow/tfjs-backend-cpu';
import {activateBackend, describeOnBackends} from '../support/backends.js';
import {conditionalBatch, conditionalNetworks} from '../support/conditional-gan.js';
import {batch, content, networks} from '../support/small-gan.js';

const quiet = {onWarning: () => undefined};

/** Networks with all that a step changes besides trainable weights: batch normalisation and spectral normalisation. */
function statefulNetworks() {
  const {dense, batchNormalization, leakyReLU} = tf.layers;
  const kernel = (seed: number) => ({kernelInitializer: tf.initializers.glorotNormal({seed})});
  return {
    generator: tf.sequential({
      layers: [dense({units: 6, inputShape: [4], ...kernel(1)}), batchNormalization(), dense({units: 3, ...kernel(2)})],
    }),
    discriminator: tf.sequential({
      layers: [
        dense({units: 8, inputShape: [3], ...kernel(3)}),
        spectralNormalization(dense({units: 8, ...kernel(5)})),
        batchNormalization(),
        leakyReLU({alpha: 0.2}),
        dense({units: 1, ...kernel(4)}),
      ],
    }),
  };
}

/** All variables that there are, those of optimizers and averages among them, by name. */
async function everything(): Promise<Record<string, number[]>> {
  const entries = Object.entries(tf.engine().registeredVariables).map(
    async ([name, variable]) => [name, Array.from(await variable.data())] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Variables that are there from now on: tests before left theirs. */
function ownVariables(): () => Promise<Record<string, number[]>> {
  const others = new Set(Object.keys(tf.engine().registeredVariables));
  return async () => Object.fromEntries(Object.entries(await everything()).filter(([name]) => !others.has(name)));
}

/** The batch with one value of the real samples or of the inputs replaced. */
function spoiled(part: 'xs' | 'ys', value: number) {
  const {xs, ys} = batch();
  const data = {xs, ys};
  const spike = tf.buffer(data[part].shape);
  spike.values[5] = value;
  data[part] = tf.add(data[part], spike.toTensor());
  return data;
}

const OPTIMIZERS: Record<string, () => tf.Optimizer> = {
  adam: () => tf.train.adam(0.01),
  sgd: () => tf.train.sgd(0.01),
  momentum: () => tf.train.momentum(0.01, 0.9),
  rmsprop: () => tf.train.rmsprop(0.01),
  adagrad: () => tf.train.adagrad(0.01),
  adadelta: () => tf.train.adadelta(0.01),
  adamax: () => tf.train.adamax(0.01),
};

describeOnBackends('a step with a loss or a gradient that is not finite', backend => {
  const captures = backend === 'tensorflow' || backend === 'cuda' ? [true, false] : [false];

  test.each(Object.keys(OPTIMIZERS))('changes nothing (%s)', async name => {
    for (const capture of captures) {
      const values = ownVariables();
      const gan = new GAN(statefulNetworks());
      const make = OPTIMIZERS[name]!;
      const [generatorOptimizer, discriminatorOptimizer] = [make(), make()];
      gan.compile({
        generatorOptimizer,
        discriminatorOptimizer,
        clipNorm: 1,
        weightAverage: {decay: 0.9},
        generatorLosses: [content],
        capture,
        ...quiet,
      });
      const {xs, ys} = batch();
      const bad = spoiled('ys', NaN);
      // The first step of all, where the optimizers have no state yet.
      const first = await values();
      await gan.trainOnBatch(bad.xs, bad.ys);
      const skipped = await values();
      expect(skipped).toMatchObject(first);
      expect(Object.values(skipped).flat().every(Number.isFinite)).toBe(true);
      for (let step = 0; step < 5; step++) await gan.trainOnBatch(xs, ys);
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      const before = await values();
      const iterations = () => [generatorOptimizer.iterations, discriminatorOptimizer.iterations];
      expect(iterations()).toEqual([5, 5]);
      for (let step = 0; step < 9; step++) {
        const logs = await gan.trainOnBatch(bad.xs, bad.ys);
        expect([logs.discriminatorLoss, logs.content]).toEqual([NaN, NaN]);
      }
      expect(await values()).toEqual(before);
      expect(iterations()).toEqual([5, 5]);
      expect([gan.skippedSteps, gan.step]).toEqual([10, 15]);
      // Goes on as if nothing had been.
      const logs = await gan.trainOnBatch(xs, ys);
      expect(Object.values(logs).every(Number.isFinite)).toBe(true);
      const after = await values();
      expect(after).not.toEqual(before);
      expect(Object.values(after).flat().every(Number.isFinite)).toBe(true);
      expect(iterations()).toEqual([6, 6]);
    }
  });

  test.each<[string, () => {xs: tf.Tensor; ys: tf.Tensor}]>([
    ['NaN in the input', () => spoiled('xs', NaN)],
    ['Infinity in a real sample', () => spoiled('ys', Infinity)],
  ])('is one with %s, also in one pass, with a penalty, or in a warm-up', async (_, make) => {
    const {xs, ys} = batch();
    const bad = make();
    for (const [options, adversarial] of [
      [{penalties: [r1Penalty({gamma: 1})]}, true],
      [{}, false],
      [{discriminatorSteps: 100}, true],
    ] as [Partial<GANCompileOptions>, boolean][]) {
      const values = ownVariables();
      const gan = new GAN(networks());
      gan.compile({
        generatorOptimizer: tf.train.adam(0.01),
        discriminatorOptimizer: tf.train.adam(0.01),
        generatorLosses: [content],
        ...options,
        ...quiet,
      });
      for (let step = 0; step < 4; step++) await gan.trainOnBatch(xs, ys, {adversarial});
      const before = await values();
      await gan.trainOnBatch(bad.xs, bad.ys, {adversarial});
      expect(await values()).toEqual(before);
      expect(gan.skippedSteps).toBe(1);
    }
  });

  test('is one whose losses are finite and a gradient is not, in either network', async () => {
    const told: string[] = [];
    for (const capture of captures) {
      const values = ownVariables();
      const gan = new GAN(networks());
      // The root of 0 has an infinite slope.
      const loss = (target: tf.Tensor, output: tf.Tensor) => {
        const far = tf.relu(tf.sub(tf.mean(target), 100));
        return tf.add<tf.Scalar>(tf.sqrt(far.mul(tf.mean(tf.square(output)))), 0);
      };
      gan.compile({
        generatorOptimizer: tf.train.adam(0.01),
        discriminatorOptimizer: tf.train.adam(0.01),
        generatorLosses: [{name: 'root', weight: 1, loss}],
        capture,
        onWarning: message => told.push(message),
      });
      const {xs, ys} = batch();
      const large = tf.add(ys, 1000);
      for (let step = 0; step < 4; step++) await gan.trainOnBatch(xs, large);
      const before = await values();
      const logs = await gan.trainOnBatch(xs, ys);
      expect(Object.values(logs).every(Number.isFinite)).toBe(true);
      expect(await values()).toEqual(before);
    }
    for (const message of told) {
      expect(message).toMatch(
        /^GAN: step 5 was left out and changed nothing: the gradient of the generator's dense_Dense\d+\/bias is (NaN|Infinity)\.$/,
      );
    }
    expect(told).toHaveLength(captures.length);
  });

  test('is one in micro-batches too', async () => {
    for (const capture of captures) {
      const values = ownVariables();
      const gan = new GAN(statefulNetworks());
      gan.compile({
        generatorOptimizer: tf.train.adam(0.01),
        discriminatorOptimizer: tf.train.adam(0.01),
        microBatchSize: 3,
        clipNorm: 1,
        capture,
        ...quiet,
      });
      const {xs, ys} = batch();
      for (let step = 0; step < 4; step++) await gan.trainOnBatch(xs, ys);
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      const before = await values();
      const bad = spoiled('ys', NaN);
      for (let step = 0; step < 2; step++) await gan.trainOnBatch(bad.xs, bad.ys);
      expect(await values()).toEqual(before);
      await gan.trainOnBatch(xs, ys);
      expect(await values()).not.toEqual(before);
      expect(gan.skippedSteps).toBe(2);
    }
  });

  test.each([undefined, 3])('is one of networks of several inputs too (micro-batches of %s)', async microBatchSize => {
    for (const capture of captures) {
      const values = ownVariables();
      const gan = new GAN(conditionalNetworks());
      gan.compile({
        generatorOptimizer: tf.train.adam(0.01),
        discriminatorOptimizer: tf.train.adam(0.01),
        generatorLosses: [content],
        weightAverage: {decay: 0.9},
        capture,
        ...(microBatchSize !== undefined && {microBatchSize}),
        ...quiet,
      });
      const {xs, ys, condition} = conditionalBatch();
      for (let step = 0; step < 4; step++) await gan.trainOnBatch(xs, ys, {condition});
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      const before = await values();
      const [label, shift] = condition as [tf.Tensor, tf.Tensor];
      const logs = await gan.trainOnBatch(xs, ys, {condition: [label, tf.fill(shift.shape, Infinity)]});
      expect([logs.discriminatorLoss, Number.isFinite(logs.content)]).toEqual([NaN, true]);
      expect(await values()).toEqual(before);
      expect(gan.skippedSteps).toBe(1);
      await gan.trainOnBatch(xs, ys, {condition});
      expect(await values()).not.toEqual(before);
    }
  });

  test('ends training where there are ten in a row, and is told once in a while', async () => {
    for (const capture of captures) {
      const warnings: string[] = [];
      const values = ownVariables();
      const gan = new GAN(networks());
      gan.compile({
        generatorOptimizer: tf.train.adam(0.01),
        discriminatorOptimizer: tf.train.adam(0.01),
        capture,
        onWarning: message => warnings.push(message),
      });
      const good = batch();
      const bad = spoiled('ys', NaN);
      // 9 bad ones, a good one, and so on; then 10, or as many as are read at once.
      const inARow = backend === 'webgpu' ? 19 : 10;
      const order = [...'gbbbbbbbbbgbbbbbbbbbg', ...'b'.repeat(inARow), 'g'];
      const dataset = tf.data.generator(function* () {
        for (const which of order)
          yield tf.tidy(() => {
            const {xs, ys} = which === 'g' ? good : bad;
            return {xs: xs.clone(), ys: ys.clone()};
          });
      });
      const means: unknown[] = [];
      let before: unknown;
      const error = await gan
        .fitDataset(dataset as never, {
          epochs: 4,
          batchesPerEpoch: 10,
          callbacks: {
            onEpochEnd: (_, logs) => void means.push(logs),
            onBatchEnd: async () => {
              if (gan.step === 21) before = await values();
            },
          },
        })
        .catch((error: unknown) => error as NonFiniteStepsError);
      expect(error).toBeInstanceOf(NonFiniteStepsError);
      expect(error).toMatchObject({step: 21 + inARow, losses: {discriminatorLoss: NaN, generatorLoss: NaN}});
      expect((error as Error).message).toMatch(
        /^GAN: (10|19) steps in a row were left out, in the last of them discriminatorLoss is NaN, the gradient of the generator's .*\/bias is NaN, the gradient of the discriminator's .*\/bias is NaN\. The weights are those of step 21;/,
      );
      expect(await values()).toEqual(before);
      expect(gan.skippedSteps).toBe(18 + inARow);
      // The means of an epoch are of its good steps.
      expect(means).toHaveLength(3);
      for (const logs of means) expect(Object.values(logs as object).every(Number.isFinite)).toBe(true);
      expect(warnings.map(warning => /^GAN: step (\d+) was left out/.exec(warning)?.[1])).toEqual(['2', '12']);
      expect(warnings[1]).toMatch(/It is the 10th so far\.$/);
      const {discriminatorLoss} = await gan.trainOnBatch(good.xs, good.ys);
      expect(Number.isFinite(discriminatorLoss)).toBe(true);
    }
  });

  test('leaves nothing behind', async () => {
    const gan = new GAN(statefulNetworks());
    const [generatorOptimizer, discriminatorOptimizer] = [tf.train.adam(0.01), tf.train.adam(0.01)];
    gan.compile({generatorOptimizer, discriminatorOptimizer, clipNorm: 1, capture: false, ...quiet});
    const {xs, ys} = batch();
    const bad = spoiled('ys', NaN);
    await gan.trainOnBatch(xs, ys);
    const {numTensors} = tf.memory();
    for (let step = 0; step < 9; step++) await gan.trainOnBatch(bad.xs, bad.ys);
    await expect(gan.trainOnBatch(bad.xs, bad.ys)).rejects.toThrow(NonFiniteStepsError);
    await gan.trainOnBatch(xs, ys);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

/** The cpu backend as one that answers only later, as WebGPU does. */
class LaterBackend extends MathBackendCPU {
  override async read(id: object): Promise<tf.backend_util.BackendValues> {
    await new Promise(resolve => setTimeout(resolve, 1));
    return this.readSync(id);
  }
}

async function onLaterBackend<T>(run: () => Promise<T>): Promise<T> {
  tf.registerBackend('later', () => new LaterBackend());
  for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({...kernel, backendName: 'later'});
  await tf.setBackend('later');
  try {
    return await run();
  } finally {
    await activateBackend('cpu');
    tf.removeBackend('later');
    for (const {kernelName} of tf.getKernelsForBackend('later')) tf.unregisterKernel(kernelName, 'later');
  }
}

test('a step that is not finite changes nothing on a backend that is not read at once', async () => {
  const trained = async () => {
    const values = ownVariables();
    // Spectral normalisation starts anywhere, so the critic is one without.
    const {generator, discriminator: unused} = statefulNetworks();
    unused.dispose();
    const gan = new GAN({generator, discriminator: networks().discriminator});
    const [generatorOptimizer, discriminatorOptimizer] = [tf.train.adam(0.01), tf.train.adam(0.01)];
    gan.compile({generatorOptimizer, discriminatorOptimizer, clipNorm: 1, weightAverage: {decay: 0.9}, ...quiet});
    const good = batch();
    const bad = {xs: good.xs, ys: tf.fill([8, 3], NaN)};
    await gan.trainOnBatch(good.xs, good.ys);
    const {numTensors} = tf.memory();
    // Steps that are not waited for come one after the other all the same.
    await Promise.all([good, good, bad, good, bad].map(({xs, ys}) => gan.trainOnBatch(xs, ys)));
    expect(tf.memory().numTensors).toBe(numTensors);
    expect([gan.skippedSteps, gan.step]).toEqual([2, 6]);
    return Object.values(await values());
  };
  await activateBackend('cpu');
  const expected = await trained();
  const readAtOnce = jest.spyOn(tf.Tensor.prototype, 'dataSync');
  try {
    const found = await onLaterBackend(trained);
    expect(readAtOnce).not.toHaveBeenCalled();
    expect(found).toEqual(expected);
    expect(found.flat().every(Number.isFinite)).toBe(true);
  } finally {
    readAtOnce.mockRestore();
  }
});

test('good steps between are seen on a backend that is not read at once, also in an epoch of a few', async () => {
  const [good, bad] = [batch(), spoiled('ys', NaN)];
  await onLaterBackend(async () => {
    const gan = new GAN(networks());
    gan.compile({generatorOptimizer: tf.train.sgd(0.01), discriminatorOptimizer: tf.train.sgd(0.01), ...quiet});
    const dataset = tf.data.generator(function* () {
      for (const {xs, ys} of [bad, good, bad].flatMap(one => Array<typeof good>(5).fill(one))) {
        yield {xs: xs.clone(), ys: ys.clone()};
      }
    });
    await gan.fitDataset(dataset, {epochs: 3, batchesPerEpoch: 5});
    expect([gan.skippedSteps, gan.step]).toEqual([10, 15]);
  });
});
