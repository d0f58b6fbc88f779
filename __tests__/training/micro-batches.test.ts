import * as tf from '@tensorflow/tfjs';
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import type {GANCompileOptions, Networks, Objective, Step, StepResult} from 'tfjs-ragan';
import {
  criticStep,
  GAN,
  localAveraging,
  onePassStep,
  r1Penalty,
  r2Penalty,
  RelativisticAverageLoss,
  separatePassesStep,
  spectralNormalization,
  warmUpStep,
  wganPenalty,
} from 'tfjs-ragan';
import {listOf} from '../../src/training/inputs.js';
import type {CriticPasses} from '../../src/training/micro-batches.js';
import {inMicroBatches} from '../../src/training/micro-batches.js';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {conditionalBatch, conditionalNetworks} from '../support/conditional-gan.js';
import {overParts} from '../support/parts.js';
import {AgainstTheBest, patchNetworks, randomNetworks, randomObjective} from '../support/random-micro-batches.js';
import {Dice} from '../support/random-step.js';
import {batch, compiled, content, networks, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

const FUZZ = Number(process.env.TFJS_RAGAN_FUZZ ?? 24);

const steps: [string, Step, CriticPasses | undefined][] = [
  ['one pass', onePassStep, 'one'],
  ['separate passes', separatePassesStep, 'separate'],
  ['the critic alone', criticStep, 'separate'],
  ['the warm-up', warmUpStep, undefined],
];

const numbers = async (tensors: tf.NamedTensorMap) => {
  const values = await Promise.all(Object.values(tensors).map(valuesOf));
  return values.flat();
};

/** The losses and both networks' gradients, which are disposed. */
async function read(result: StepResult) {
  const {losses, generatorGradients, discriminatorGradients} = result;
  const names = Object.keys(losses).sort();
  const values = {
    names,
    losses: await numbers(Object.fromEntries(names.map(name => [name, losses[name]!]))),
    generator: await numbers(generatorGradients),
    discriminator: await numbers(discriminatorGradients),
  };
  tf.dispose({...result});
  return values;
}

/** Expects that a step gives the same of a batch and of its parts, and keeps no tensor. */
async function expectSame(
  step: Step,
  critic: CriticPasses | undefined,
  nets: Networks,
  objective: Objective,
  data: Parameters<Step> extends [unknown, unknown, ...infer Data] ? Data : never,
  sizes: number[],
  tolerance = 1e-6,
): Promise<void> {
  const whole = await read(step(nets, objective, ...data));
  const {numTensors} = tf.memory();
  for (const size of sizes) {
    const parts = await read(inMicroBatches(step, size, critic)(nets, objective, ...data));
    expect(parts.names).toEqual(whole.names);
    for (const name of ['losses', 'generator', 'discriminator'] as const) {
      if (whole[name].length > 0) expectClose(parts[name], whole[name], tolerance);
      else expect(parts[name]).toEqual([]);
    }
  }
  expect(tf.memory().numTensors).toBe(numTensors);
}

const objectiveOf = (changes: Partial<Objective> = {}): Objective => ({
  loss: new RelativisticAverageLoss(),
  adversarialWeight: 0.3,
  generatorLosses: [content],
  averaging: localAveraging,
  ...changes,
});

describeOnBackends('micro-batches', () => {
  test.each(steps)('have the losses and gradients of the whole batch, in %s', async (_, step, critic) => {
    const {xs, ys} = batch(16);
    const penalties = [r1Penalty({gamma: 3}), r2Penalty({gamma: 1})];
    // Alone, in pairs, with a smaller one at the end, and in one piece.
    for (const lanes of [1, 2]) {
      await expectSame(step, critic, networks(), objectiveOf({lanes, penalties}), [xs, ys], [1, 2, 5, 15, 16, 99]);
    }
  });

  test.each(steps)('do so of networks with several inputs, in %s', async (_, step, critic) => {
    const {xs, ys, condition} = conditionalBatch();
    await expectSame(step, critic, conditionalNetworks(), objectiveOf(), [xs, ys, condition], [1, 2]);
  });

  const seeds = (count: number) => Array.from({length: count}, (_, seed) => seed);

  /** Networks, samples, a step for them and what it is to optimise, all made from one seed. */
  const randomCase = (seed: number) => {
    const dice = new Dice(seed);
    const {networks, batch, hasOneLogit} = randomNetworks(dice, 2 + dice.below(8));
    const objective = randomObjective(dice);
    const fitting = steps.filter(
      ([, step]) =>
        (hasOneLogit || step !== onePassStep) && (objective.generatorLosses.length > 0 || step !== warmUpStep),
    );
    const [name, step, critic] = dice.pick(fitting);
    return {dice, networks, batch, objective, name, step, critic};
  };

  test('do so whatever the networks, the loss, the reduction and the penalties', async () => {
    for (const seed of seeds(FUZZ)) {
      const {dice, networks, batch, objective, name, step, critic} = randomCase(seed);
      const {xs, ys, condition} = batch;
      const size = 1 + dice.below(ys.shape[0]);
      try {
        // Sums over patches, in another order.
        await expectSame(step, critic, networks, objective, [xs, ys, condition], [size], 3e-6);
      } catch (error) {
        throw new Error(`seed ${seed}, ${name}: ${(error as Error).message}`, {cause: error});
      }
    }
  });

  test('of several processes do so too', async () => {
    for (const seed of seeds(Math.ceil(FUZZ / 4))) {
      const {dice, networks, batch, objective, name, step, critic} = randomCase(seed);
      if (objective.loss instanceof AgainstTheBest) continue;
      const samples = batch.ys.shape[0];
      const first = 1 + dice.below(samples - 1);
      const ofProcess = (whole: tf.Tensor) => tf.split(whole, [first, samples - first]);
      const [xs, condition] = [listOf(batch.xs), batch.condition ?? []].map(list => list.map(ofProcess));
      const ys = ofProcess(batch.ys);
      const whole = await read(step(networks, objective, batch.xs, batch.ys, batch.condition));
      const inParts = inMicroBatches(step, 1 + dice.below(3), critic);
      const results = overParts(2, (part, averaging) => {
        const own = (list: tf.Tensor[][]) => list.map(parts => parts[part]!);
        return inParts(networks, {...objective, averaging}, own(xs!), ys[part]!, own(condition!));
      });
      const parts = await Promise.all(results.map(read));
      try {
        for (const part of parts) expectClose(part.losses, whole.losses, 1e-5);
        for (const network of ['generator', 'discriminator'] as const) {
          const sum = whole[network].map((_, i) => parts.reduce((total, part) => total + part[network][i]!, 0));
          expectClose(sum, whole[network], 1e-5);
        }
      } catch (error) {
        throw new Error(`seed ${seed}, ${name}: ${(error as Error).message}`, {cause: error});
      }
    }
  });

  test('train as whole batches do', async () => {
    const {xs, ys} = batch(16);
    const train = async (options: Partial<GANCompileOptions>, patches: boolean) => {
      const gan = patches ? new GAN(patchNetworks()) : new GAN(networks());
      gan.compile({
        generatorOptimizer: tf.train.adam(1e-2, 0.9, 0.999, 1e-3),
        discriminatorOptimizer: tf.train.momentum(1e-2, 0.9),
        generatorLosses: [content],
        penalties: [r1Penalty({gamma: 1, every: 2})],
        discriminatorSteps: 2,
        clipNorm: 0.5,
        weightAverage: {decay: 0.9},
        capture: false,
        ...options,
      });
      const data = patches
        ? [tf.randomNormal([7, 6, 6, 2], 0, 1, 'float32', 1), tf.randomNormal([7, 6, 6, 2], 0, 1, 'float32', 2)]
        : [xs, ys];
      const logs = [];
      for (let i = 0; i < 4; i++) logs.push(...Object.values(await gan.trainOnBatch(data[0]!, data[1]!)));
      const nets = [gan.generator, gan.discriminator, gan.averagedGenerator];
      return [logs, ...(await Promise.all(nets.map(weightsOf))).map(one => one.flat())];
    };
    for (const patches of [false, true]) {
      const whole = await train({}, patches);
      const parts = await train({microBatchSize: 2}, patches);
      parts.forEach((values, i) => expectClose(values, whole[i]!, 2e-6));
    }
  });

  test('take one step of power iteration for each pass, as the whole batch', async () => {
    const normalised = (): Networks => {
      const {generator, discriminator} = networks();
      const dense = (units: number, seed: number, inputShape?: number[]) =>
        spectralNormalization(
          tf.layers.dense({
            units,
            kernelInitializer: tf.initializers.glorotNormal({seed}),
            ...(inputShape && {inputShape}),
          }),
        );
      const input = tf.input({shape: [3]});
      const output = dense(1, 3).apply(tf.layers.leakyReLU().apply(dense(8, 2).apply(input)));
      const critic = tf.model({inputs: input, outputs: output as tf.SymbolicTensor});
      discriminator.dispose();
      // The vectors are random.
      tf.tidy(() =>
        critic.setWeights(
          critic.getWeights().map((weight, i) => tf.randomNormal(weight.shape, 0, 1, 'float32', i + 1)),
        ),
      );
      return {generator, discriminator: critic};
    };
    for (const passes of ['one', 'separate'] as const) {
      const after = async (microBatchSize?: number) => {
        const gan = new GAN(normalised());
        gan.compile({
          generatorOptimizer: tf.train.sgd(0.1),
          discriminatorOptimizer: tf.train.sgd(0.1),
          penalties: [r1Penalty({gamma: 1})],
          passes,
          capture: false,
          ...(microBatchSize !== undefined && {microBatchSize}),
        });
        const {xs, ys} = batch(7);
        const {numTensors} = tf.memory();
        const logs = [];
        for (let i = 0; i < 3; i++) logs.push(...Object.values(await gan.trainOnBatch(xs, ys)));
        expect(tf.memory().numTensors).toBe(numTensors);
        return [...logs, ...(await weightsOf(gan.discriminator)).flat()];
      };
      expectClose(await after(2), await after(), 2e-6);
    }
  });

  test('mix their own samples alone in batch normalisation, which a warning says, and its means are those of the batch', async () => {
    const after = async (microBatchSize?: number) => {
      const {generator, discriminator} = networks();
      generator.add(tf.layers.batchNormalization());
      const warnings: string[] = [];
      const gan = new GAN({generator, discriminator});
      gan.compile({
        generatorOptimizer: tf.train.sgd(0),
        discriminatorOptimizer: tf.train.sgd(0),
        capture: false,
        onWarning: message => void warnings.push(message),
        ...(microBatchSize !== undefined && {microBatchSize}),
      });
      const {xs, ys} = batch(6);
      for (let i = 0; i < 2; i++) await gan.trainOnBatch(xs, ys);
      const weights = await weightsOf(generator);
      return {warnings, mean: weights.at(-2)!, variance: weights.at(-1)!};
    };
    const [whole, parts] = [await after(), await after(2)];
    expect(whole.warnings).toEqual([]);
    expect(parts.warnings).toEqual([
      expect.stringMatching(
        /microBatchSize 2 the generator's layer batch_normalization.* \(BatchNormalization\) mixes/,
      ),
    ]);
    expectClose(parts.mean, whole.mean, 1e-6);
    expect(Math.max(...parts.variance.map((value, i) => Math.abs(value - whole.variance[i]!)))).toBeGreaterThan(1e-4);
  });

  test('draw random numbers apart', async () => {
    const gan = compiled({microBatchSize: 3, penalties: [wganPenalty()], capture: false});
    const {xs, ys} = batch(7);
    const {wgan} = await gan.trainOnBatch(xs, ys);
    expect(wgan).toBeGreaterThan(0);
  });

  test('of several processes sum to the whole', async () => {
    const nets = networks();
    const sizes = [5, 2, 7];
    const {xs, ys} = batch(14);
    const [xsOf, ysOf] = [tf.split(xs, sizes), tf.split(ys, sizes)];
    const objective = objectiveOf({penalties: [r1Penalty({gamma: 1})]});
    const whole = await read(separatePassesStep(nets, objective, xs, ys));
    const step = inMicroBatches(separatePassesStep, 2, 'separate');
    const results = overParts(sizes.length, (part, averaging) =>
      step(nets, {...objective, averaging}, xsOf[part]!, ysOf[part]!),
    );
    const parts = await Promise.all(results.map(read));
    for (const part of parts) expectClose(part.losses, whole.losses, 1e-5);
    for (const name of ['generator', 'discriminator'] as const) {
      const sum = whole[name].map((_, i) => parts.reduce((total, part) => total + part[name][i]!, 0));
      expectClose(sum, whole[name], 1e-5);
    }
  });

  test('leave nothing behind where a loss throws', async () => {
    let calls = 0;
    const failing = {
      name: 'failing',
      weight: 1,
      loss: (target: tf.Tensor, output: tf.Tensor) => {
        if (++calls === 2) throw new Error('the second part fails');
        return content.loss(target, output);
      },
    };
    const gan = compiled({microBatchSize: 3, generatorLosses: [failing], capture: false});
    const {xs, ys} = batch(7);
    const before = await weightsOf(gan.discriminator);
    const {numTensors} = tf.memory();
    await expect(gan.trainOnBatch(xs, ys)).rejects.toThrow('the second part fails');
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(await weightsOf(gan.discriminator)).toEqual(before);
  });

  test('need the memory of one of them', async () => {
    const wide = () => {
      const dense = (units: number, inputDim: number) => tf.layers.dense({units, inputDim, activation: 'relu'});
      return {
        generator: tf.sequential({layers: [dense(300, 4), dense(300, 300), dense(3, 300)]}),
        discriminator: tf.sequential({layers: [dense(300, 3), dense(300, 300), dense(1, 300)]}),
      };
    };
    const peak = async (size: number, samples: number) => {
      const nets = wide();
      const {xs, ys} = batch(samples);
      const before = tf.memory().numBytes;
      const {peakBytes} = await tf.profile(() => {
        const result = inMicroBatches(onePassStep, size, 'one')(nets, objectiveOf(), xs, ys);
        tf.dispose({...result});
        return undefined;
      });
      tf.dispose([xs, ys]);
      nets.generator.dispose();
      nets.discriminator.dispose();
      return peakBytes - before;
    };
    const [one, many, whole] = [await peak(40, 80), await peak(40, 640), await peak(640, 640)];
    expect(many).toBeLessThan(1.05 * one);
    expect(whole).toBeGreaterThan(3 * many);
  });
});

describeOnTensorFlow('captured micro-batches', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  /** A generator with batch normalisation, a critic with spectral normalisation. */
  const normalised = (): Networks => {
    const {generator, discriminator} = networks();
    discriminator.dispose();
    generator.add(tf.layers.batchNormalization());
    const input = tf.input({shape: [3]});
    const dense = (units: number) => spectralNormalization(tf.layers.dense({units}));
    const output = dense(1).apply(tf.layers.leakyReLU().apply(dense(8).apply(input))) as tf.SymbolicTensor;
    const critic = tf.model({inputs: input, outputs: output});
    tf.tidy(() =>
      critic.setWeights(critic.getWeights().map((weight, i) => tf.randomNormal(weight.shape, 0, 1, 'float32', i + 1))),
    );
    return {generator, discriminator: critic};
  };

  test.each(['one', 'separate'] as const)('train as those that run as usual, in %s pass(es)', async passes => {
    const train = async (capture: boolean) => {
      const gan = new GAN(normalised());
      gan.compile({
        generatorOptimizer: tf.train.adam(1e-2, 0.9, 0.999, 1e-3),
        discriminatorOptimizer: tf.train.adam(1e-2, 0.9, 0.999, 1e-3),
        generatorLosses: [content],
        penalties: [r1Penalty({gamma: 1, every: 4})],
        discriminatorSteps: 2,
        clipNorm: 0.5,
        weightAverage: {decay: 0.9},
        microBatchSize: 3,
        passes,
        capture,
        onWarning: () => undefined,
      });
      const logs: number[] = [];
      let numTensors = 0;
      for (let i = 0; i < 16; i++) {
        if (i === 12) ({numTensors} = tf.memory());
        // Two micro-batches and a smaller one, three alike, one alone.
        const {xs, ys} = batch([7, 9, 2][i % 3]);
        logs.push(...Object.values(await gan.trainOnBatch(xs, ys, {adversarial: i > 2})));
        tf.dispose([xs, ys]);
      }
      expect(tf.memory().numTensors).toBe(numTensors);
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      const nets = [gan.generator, gan.discriminator, gan.averagedGenerator];
      const weights = (await Promise.all(nets.map(weightsOf))).flat(2);
      gan.dispose();
      return [logs, weights];
    };
    const [captured, usual] = [await train(true), await train(false)];
    captured.forEach((values, i) => expectClose(values, usual[i]!, 1e-4));
  });

  test('need the memory of one of them, and graphs as large, for a batch of any size', () => {
    // Each in a process of its own, on the built package.
    const peak = (size: number, samples: number) => {
      const settings = {backend: tensorFlow, size: 'lite', batch: samples, microBatch: size, steps: 1, capture: true};
      const script = join(__dirname, '../../bench/memory.js');
      const {stdout} = spawnSync(process.execPath, [script, '--measure', JSON.stringify(settings)], {encoding: 'utf8'});
      const measured = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<'peakMegabytes' | 'nodes', number>;
      expect(measured).toMatchObject({captured: true, warnings: []});
      return measured;
    };
    const [one, many, whole] = [peak(4, 4), peak(4, 48), peak(48, 48)];
    expect(many.nodes).toBeLessThanOrEqual(one.nodes);
    expect(many.peakMegabytes).toBeLessThan(1.15 * one.peakMegabytes);
    expect(whole.peakMegabytes).toBeGreaterThan(1.4 * many.peakMegabytes);
  });
});

test('GAN.compile refuses a microBatchSize that is no whole number of at least 1', () => {
  for (const microBatchSize of [0, 1.5, NaN, '2' as unknown as number]) {
    expect(() => compiled({microBatchSize})).toThrow(
      /GAN\.compile: microBatchSize must be a whole number of at least 1, but it is/,
    );
  }
});
