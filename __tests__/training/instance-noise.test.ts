import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions, Noise, Objective, Penalty, Step, StepResult} from 'tfjs-ragan';
import {
  cosine,
  criticStep,
  GAN,
  localAveraging,
  onePassStep,
  r1Penalty,
  separatePassesStep,
  StandardLoss,
  wganPenalty,
} from 'tfjs-ragan';
import type {CriticPasses} from '../../src/training/micro-batches.js';
import {inMicroBatches} from '../../src/training/micro-batches.js';
import {describeOnBackends, tensorFlow} from '../support/backends.js';
import {conditionalBatch, conditionalNetworks} from '../support/conditional-gan.js';
import {batch, compiled, content, networks, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

const GAMMA = 3;

/** The numbers of `networks()`, their batch and its noise, as the oracle needs them. */
type Numbers = Record<'generator' | 'discriminator' | 'xs' | 'ys' | 'real' | 'fake', number[]>;

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Both objectives of `networks()` with the standard loss, l1 and R1, in float64. */
function objectives({generator: g, discriminator: d, xs, ys, real, fake}: Numbers) {
  const samples = ys.length / 3;
  const sum = (count: number, term: (i: number) => number) =>
    Array.from({length: count}, (_, i) => term(i)).reduce((total, one) => total + one, 0);
  const made = ys.map((_, k) => {
    const [i, j] = [Math.floor(k / 3), k % 3];
    return Math.tanh(g[12 + j]! + sum(4, l => xs[4 * i + l]! * g[3 * l + j]!));
  });
  // The weights of the critic: 3 x 8, 8, 8 x 1, 1.
  const critic = (x: number[]) => {
    const hidden = Array.from({length: 8}, (_, j) => d[24 + j]! + sum(3, l => x[l]! * d[8 * l + j]!));
    const slopes = hidden.map(h => (h > 0 ? 1 : 0.2));
    const logit = d[40]! + sum(8, j => hidden[j]! * slopes[j]! * d[32 + j]!);
    const gradient = [0, 1, 2].map(l => sum(8, j => d[8 * l + j]! * slopes[j]! * d[32 + j]!));
    return {logit, square: sum(3, l => gradient[l]! ** 2)};
  };
  const judge = (all: number[], noise: number[]) =>
    Array.from({length: samples}, (_, i) => critic([0, 1, 2].map(l => all[3 * i + l]! + noise[3 * i + l]!)));
  const [ofReal, ofFake] = [judge(ys, real), judge(made, fake)];
  return {
    discriminator:
      mean(ofReal.map(({logit}) => softplus(-logit))) +
      mean(ofFake.map(({logit}) => softplus(logit))) +
      (GAMMA / 2) * mean(ofReal.map(({square}) => square)),
    generator:
      0.3 * mean(ofFake.map(({logit}) => softplus(-logit))) + mean(ys.map((value, i) => Math.abs(value - made[i]!))),
  };
}

/** The derivatives of a network's objective by its weights. */
function differences(numbers: Numbers, network: 'generator' | 'discriminator'): number[] {
  const h = 1e-6;
  const at = (i: number, by: number) => {
    const moved = numbers[network].map((value, j) => (i === j ? value + by : value));
    return objectives({...numbers, [network]: moved})[network];
  };
  return numbers[network].map((_, i) => (at(i, h) - at(i, -h)) / (2 * h));
}

const noiseOf = (shape: number[]): Noise => [
  tf.randomNormal(shape, 0, 0.7, 'float32', 11),
  tf.randomNormal(shape, 0, 0.7, 'float32', 12),
];

describeOnBackends('instance noise', backend => {
  const steps: [string, Step, CriticPasses][] = [
    ['one pass', onePassStep, 'one'],
    ['separate passes', separatePassesStep, 'separate'],
    ['the critic alone', criticStep, 'separate'],
  ];

  test.each(steps)('is on the samples that the critic judges and penalties see, in %s', async (_, step, passes) => {
    const nets = networks();
    const {xs, ys} = batch(7);
    const noise = noiseOf([7, 3]);
    const objective: Objective = {
      loss: new StandardLoss(),
      adversarialWeight: 0.3,
      generatorLosses: [content],
      penalties: [r1Penalty({gamma: GAMMA})],
      averaging: localAveraging,
    };
    const [given, real, fake] = await Promise.all([ys, ...noise].map(valuesOf));
    const numbers: Numbers = {
      generator: (await weightsOf(nets.generator)).flat(),
      discriminator: (await weightsOf(nets.discriminator)).flat(),
      xs: await valuesOf(xs),
      ys: given!,
      real: real!,
      fake: fake!,
    };
    const expected = {
      generator: differences(numbers, 'generator'),
      discriminator: differences(numbers, 'discriminator'),
    };
    const gradients = async (result: StepResult) => {
      const flat = async (named: tf.NamedTensorMap) => (await Promise.all(Object.values(named).map(valuesOf))).flat();
      const [generator, discriminator] = [result.generatorGradients, result.discriminatorGradients];
      const found = {generator: await flat(generator), discriminator: await flat(discriminator)};
      tf.dispose({...result});
      return found;
    };
    const {numTensors} = tf.memory();
    for (const [lanes, size] of [
      [1, undefined],
      [2, undefined],
      [1, 3],
      [2, 3],
      [1, 99],
    ] as const) {
      const run = size === undefined ? step : inMicroBatches(step, size, passes);
      const found = await gradients(run(nets, {...objective, lanes}, xs, ys, undefined, noise));
      expectClose(found.discriminator, expected.discriminator, 1e-5);
      if (step !== criticStep) expectClose(found.generator, expected.generator, 1e-5);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  /** The losses of some steps, and the weights that they leave. */
  async function trained(options: Partial<GANCompileOptions>, isConditional = false) {
    const gan = new GAN(isConditional ? conditionalNetworks() : networks());
    const warnings: string[] = [];
    gan.compile({
      generatorOptimizer: tf.train.sgd(0.05),
      discriminatorOptimizer: tf.train.sgd(0.05),
      loss: new StandardLoss(),
      generatorLosses: [content],
      seed: 3,
      onWarning: message => void warnings.push(message),
      ...options,
    });
    const {xs, ys, ...rest} = isConditional ? conditionalBatch() : batch(7);
    const logs: number[] = [];
    let numTensors = 0;
    for (let i = 0; i < 10; i++) {
      if (i === 8) ({numTensors} = tf.memory());
      logs.push(...Object.values(await gan.trainOnBatch(xs, ys, rest)));
    }
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(warnings).toEqual([]);
    if (backend === tensorFlow && options.capture !== false) expect(gan.captureStatus?.state).toBe('captured');
    const weights = [...(await weightsOf(gan.generator)), ...(await weightsOf(gan.discriminator))].flat();
    gan.dispose();
    return [...logs, ...weights];
  }

  test.each([false, true])('is the same however a batch is computed (under conditions: %p)', async isConditional => {
    const options = {instanceNoise: (step: number) => 0.4 / (1 + step), penalties: [r1Penalty({gamma: 1})]};
    const one = await trained({...options, passes: 'one'}, isConditional);
    expectClose(await trained({...options, passes: 'separate'}, isConditional), one, 1e-5);
    expectClose(await trained({...options, microBatchSize: 3}, isConditional), one, 1e-5);
    expectClose(await trained({...options, microBatchSize: 3, passes: 'separate'}, isConditional), one, 1e-5);
    expect(() =>
      expectClose(
        one,
        one.map(() => 0),
      ),
    ).toThrow();
    const [none, usual] = [
      await trained({penalties: options.penalties}, isConditional),
      await trained({...options, capture: false}, isConditional),
    ];
    for (const other of [none, ...(backend === tensorFlow ? [usual] : [])]) {
      expect(() => expectClose(other, one, 1e-3)).toThrow();
    }
  });

  test.each([
    ['as usual', {capture: false}],
    ['captured where it can be', {}],
    ['in micro-batches', {microBatchSize: 1500}],
  ])('is Gaussian, of the deviation of the step, anew for each sample and step, %s', async (_, options) => {
    const looking = (name: string, look: (real: tf.Tensor, fake: tf.Tensor) => tf.Tensor): Penalty => ({
      name,
      weight: 1e-9,
      penalty: (critic, real, fake) => tf.add<tf.Scalar>(tf.mean(look(real, fake)), tf.mul(0, tf.mean(critic(real)))),
    });
    const SAMPLES = 4000;
    const [xs, ys] = [tf.zeros([SAMPLES, 4]), tf.zeros([SAMPLES, 3])];
    // Samples are zeros, so what the critic sees is the noise.
    const gan = compiled({
      generatorOptimizer: tf.train.sgd(0),
      generatorLosses: [content],
      penalties: [
        looking('real', tf.square),
        looking('fake', (_, fake) => tf.square(fake)),
        looking('fourth', real => tf.square(tf.square(real))),
        looking('product', tf.mul),
        looking('first', real => tf.slice(real, 0, 1)),
      ],
      instanceNoise: cosine({rate: 0.5, steps: 6, minimum: 0}),
      seed: 1,
      ...options,
    });
    const first = new Set<number>();
    for (let step = 0; step < 8; step++) {
      const variance = (0.25 * (1 + Math.cos((Math.PI * Math.min(step, 6)) / 6))) ** 2;
      const logs = await gan.trainOnBatch(xs, ys);
      // Five deviations of the mean of so many squares, fourth powers and products of normal numbers.
      const spread = 5 / Math.sqrt(3 * SAMPLES);
      expect(Math.abs(logs.real! - variance)).toBeLessThanOrEqual(spread * Math.sqrt(2) * variance);
      expect(Math.abs(logs.fake! - variance)).toBeLessThanOrEqual(spread * Math.sqrt(2) * variance);
      expect(Math.abs(logs.fourth! - 3 * variance ** 2)).toBeLessThanOrEqual(spread * Math.sqrt(96) * variance ** 2);
      expect(Math.abs(logs.product!)).toBeLessThanOrEqual(spread * variance);
      expect(logs.content).toBe(0);
      first.add(logs.first!);
    }
    // Six with noise, and two without.
    expect(first.size).toBe(7);
    gan.dispose();
  });

  test('of deviation 0 is none', async () => {
    const none = await trained({});
    expect(await trained({instanceNoise: 0})).toEqual(none);
    expect(await trained({instanceNoise: () => 0})).toEqual(none);
  });

  test('goes with a penalty that draws, several steps of the critic and a warm-up', async () => {
    const gan = compiled({
      instanceNoise: 0.1,
      penalties: [wganPenalty({every: 2})],
      discriminatorSteps: 2,
      generatorLosses: [content],
      seed: 0,
    });
    const {xs, ys} = batch(6);
    for (let i = 0; i < 9; i++) {
      const logs = await gan.trainOnBatch(xs, ys, {adversarial: i > 2});
      expect(Object.values(logs).every(Number.isFinite)).toBe(true);
    }
    gan.dispose();
  });

  test('is refused where it is no deviation, before anything changes', async () => {
    for (const instanceNoise of [-1, NaN, Infinity, '1' as unknown as number]) {
      expect(() => compiled({instanceNoise})).toThrow(
        /GAN\.compile: instanceNoise must be a number of at least 0, or a function of the step, but it is/,
      );
    }
    const gan = compiled({instanceNoise: step => (step === 1 ? NaN : 0.1)});
    const {xs, ys} = batch();
    await gan.trainOnBatch(xs, ys);
    const before = await weightsOf(gan.discriminator);
    await expect(gan.trainOnBatch(xs, ys)).rejects.toThrow(
      'GAN: instanceNoise must be a number of at least 0, but in step 1 it is NaN.',
    );
    expect(gan.step).toBe(1);
    expect(await weightsOf(gan.discriminator)).toEqual(before);
    gan.dispose();
  });
});
