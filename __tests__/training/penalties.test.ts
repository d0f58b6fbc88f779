import * as tf from '@tensorflow/tfjs';
import type {Penalty} from 'tfjs-ragan';
import {GAN, StandardLoss, r1Penalty, r2Penalty, spectralNormalization, wganPenalty} from 'tfjs-ragan';
import {distanceToOne} from '../../src/training/penalties.js';
import {describeOnBackends} from '../support/backends.js';
import {readGoldens} from '../support/golden.js';
import {batch, networks, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

type Name = 'aKernel' | 'aBias' | 'bKernel' | 'bBias' | 'cKernel' | 'cBias';
interface Case {
  value: number;
  gradients: Record<Name, number[] | null>;
}

/** PyTorch's values, in float64, for two convolutions with leaky ReLUs (0.2), the second in steps of 2, and a dense layer. */
interface Golden {
  weights: Record<Name, {shape: number[]; values: number[]}>;
  shape: number[];
  real: number[];
  fake: number[];
  /** The share of the real sample in each mixture. */
  epsilon: number[];
  gamma: number;
  r1: Case;
  r2: Case;
  wganGp: Case;
  r3gan: Case;
}
const golden = readGoldens<Golden>('penalties');

/** The critic of the golden values, of layers. */
function critic(): tf.LayersModel {
  const {conv2d, leakyReLU, flatten, dense} = tf.layers;
  const model = tf.sequential({
    layers: [
      conv2d({filters: 4, kernelSize: 3, padding: 'same', inputShape: [8, 8, 3]}),
      leakyReLU({alpha: 0.2}),
      conv2d({filters: 6, kernelSize: 4, strides: 2, padding: 'same'}),
      leakyReLU({alpha: 0.2}),
      flatten(),
      dense({units: 1}),
    ],
  });
  model.setWeights(Object.values(golden.weights).map(({shape, values}) => tf.tensor(values, shape)));
  return model;
}

const samples = () => [tf.tensor(golden.real, golden.shape), tf.tensor(golden.fake, golden.shape)] as const;

/** A GAN whose generator gives the golden fake samples, and whose critic is the golden one. */
function goldenGan(penalties: Penalty[], capture = false) {
  const generator = tf.sequential({
    layers: [tf.layers.dense({units: 3, inputShape: [8, 8, 3], kernelInitializer: 'identity', useBias: false})],
  });
  const gan = new GAN({generator, discriminator: critic()});
  gan.compile({
    generatorOptimizer: tf.train.sgd(0),
    discriminatorOptimizer: tf.train.sgd(0.1),
    loss: new StandardLoss(),
    penalties,
    capture,
  });
  return gan;
}

describeOnBackends('penalties', backend => {
  const mixtures: Penalty['penalty'] = (critic, real, fake) => {
    const share = tf.tensor(golden.epsilon, [4, 1, 1, 1]);
    return distanceToOne(critic, tf.add(tf.mul(real, share), tf.mul(fake, tf.sub(1, share))));
  };
  test.each<[string, Penalty['penalty'], Case]>([
    ['r1', r1Penalty({gamma: 1}).penalty, golden.r1],
    ['r2', r2Penalty({gamma: 1}).penalty, golden.r2],
    ['wgan', mixtures, golden.wganGp],
  ])('%s is that of PyTorch, and its gradient', async (_, penalty, {value: expected, gradients}) => {
    const model = critic();
    const [real, fake] = samples();
    const variables = model.trainableWeights.map(weight => weight.read() as tf.Variable);
    const {value, grads} = tf.variableGrads(() => penalty(x => model.apply(x) as tf.Tensor, real, fake), variables);
    expectClose(await valuesOf(value), [expected]);
    for (const [i, name] of (Object.keys(golden.weights) as Name[]).entries()) {
      const gradient = (grads as Record<string, tf.Tensor | null>)[variables[i]!.name];
      const oracle = gradients[name] ?? golden.weights[name].values.map(() => 0);
      expectClose(gradient ? await valuesOf(gradient) : oracle.map(() => 0), oracle, 1e-4);
    }
  });

  test('wgan looks at mixtures of a real and a fake sample, each of a share of its own', async () => {
    const seen: tf.Tensor[] = [];
    const critic = (x: tf.Tensor) => {
      seen.push(tf.keep(x.clone()));
      return x.square().sum(1);
    };
    const [real, fake] = [tf.fill([6, 3], 5), tf.fill([6, 3], 2)];
    wganPenalty().penalty(critic, real, fake).dispose();
    const shares = (await seen[0]!.sub(fake).div(3).array()) as number[][];
    for (const [first, ...rest] of shares) {
      expect(first).toBeGreaterThanOrEqual(-1e-6);
      expect(first).toBeLessThan(1);
      for (const share of rest) expect(share).toBeCloseTo(first!, 5);
    }
    expect(new Set(shares.map(([first]) => first!.toFixed(4))).size).toBeGreaterThan(1);
    tf.dispose(seen);
  });

  test('without a say of how often, or an undefined one, are part of every step; names with spaces are apart', async () => {
    const own = (name: string, every?: number): Penalty => ({
      name,
      weight: 0.1,
      ...(every === undefined ? {} : {every}),
      penalty: critic => tf.mean(tf.square(critic(tf.zeros([1, 8, 8, 3])))),
    });
    const undefinedEvery = {...own('c'), every: undefined} as unknown as Penalty;
    const gan = goldenGan([own('a b', 2), own('a', 3), own('b', 3), undefinedEvery], backend === 'tensorflow');
    const [real, fake] = samples();
    for (let step = 0; step < 10; step++) {
      const logs = await gan.trainOnBatch(fake, real);
      const names = ['c', ...(step % 2 === 0 ? ['a b'] : []), ...(step % 3 === 0 ? ['a', 'b'] : [])];
      expect(Object.keys(logs).sort()).toEqual([...names, 'discriminatorLoss', 'generatorLoss'].sort());
    }
  });

  test('are as heavy as they say, in as many steps as they say, and logged by name', async () => {
    const constant = (name: string, weight: number, every: number): Penalty => ({
      name,
      weight,
      every,
      // Its gradient is 1 for the last bias.
      penalty: critic => tf.sum(critic(tf.zeros([1, 8, 8, 3]))),
    });
    const captured = backend === 'tensorflow';
    const moves: number[] = [];
    const plain = goldenGan([]);
    const gan = goldenGan([constant('often', 0.5, 1), constant('rare', 0.25, 3)], captured);
    const [real, fake] = samples();
    const bias = async (one: GAN) => (await weightsOf(one.discriminator)).at(-1)![0]!;
    for (let step = 0; step < 7; step++) {
      const before = await bias(gan);
      plain.discriminator.setWeights(gan.discriminator.weights.map(weight => weight.read()));
      await plain.trainOnBatch(fake, real);
      const logs = await gan.trainOnBatch(fake, real);
      const expected = ['discriminatorLoss', 'generatorLoss', 'often', ...(step % 3 === 0 ? ['rare'] : [])];
      expect(Object.keys(logs).sort()).toEqual(expected);
      expect(before).not.toBe(await bias(gan));
      moves.push(((await bias(plain)) - (await bias(gan))) / 0.1);
    }
    expectClose(moves, [1.25, 0.5, 0.5, 1.25, 0.5, 0.5, 1.25], 1e-4);
  });

  test.each(['one', 'separate'] as const)('leave the generator alone and nothing behind (%s)', async passes => {
    const {xs, ys} = batch();
    const after = async (penalties: Penalty[]) => {
      const gan = new GAN(networks());
      const optimizers = {generatorOptimizer: tf.train.sgd(0.1), discriminatorOptimizer: tf.train.sgd(0.1)};
      gan.compile({...optimizers, passes, penalties, capture: false});
      await gan.trainOnBatch(xs, ys);
      const before = tf.memory().numTensors;
      await gan.trainOnBatch(xs, ys);
      expect(tf.memory().numTensors).toBe(before);
      return {generator: await weightsOf(gan.generator), critic: await weightsOf(gan.discriminator)};
    };
    // The fakes of a penalty are constants to it: at the first step, where both are alike, the generator moves alike.
    const oneStep = async (penalties: Penalty[]) => {
      const gan = new GAN(networks());
      const optimizers = {generatorOptimizer: tf.train.sgd(0.1), discriminatorOptimizer: tf.train.sgd(0.1)};
      gan.compile({...optimizers, passes, penalties, capture: false});
      await gan.trainOnBatch(xs, ys);
      return weightsOf(gan.generator);
    };
    const both = [r1Penalty({gamma: 5}), r2Penalty({gamma: 5})];
    expect(await oneStep(both)).toEqual(await oneStep([]));
    expect((await after([...both, wganPenalty()])).critic).not.toEqual((await after([])).critic);
  });

  test('go through spectral normalisation', async () => {
    const discriminator = tf.sequential({
      layers: [
        tf.layers.inputLayer({inputShape: [3]}),
        spectralNormalization(tf.layers.dense({units: 4, activation: 'tanh'})),
        tf.layers.dense({units: 1}),
      ],
    });
    const gan = new GAN({generator: networks().generator, discriminator});
    const optimizers = {generatorOptimizer: tf.train.sgd(0.1), discriminatorOptimizer: tf.train.sgd(0.1)};
    gan.compile({...optimizers, penalties: [r1Penalty({gamma: 1})], capture: false});
    const {xs, ys} = batch();
    const logs = await gan.trainOnBatch(xs, ys);
    expect(logs.r1).toBeGreaterThan(0);
  });

  test.each([
    [() => r1Penalty({gamma: NaN}), 'r1Penalty: gamma must be a finite number, but it is NaN.'],
    [() => r2Penalty({gamma: 1, every: 0.5}), 'r2Penalty: every must be a whole number of at least 1, but it is 0.5.'],
    [() => wganPenalty({weight: Infinity}), 'wganPenalty: the weight of wgan must be a finite number'],
    [
      () => goldenGan([r1Penalty({gamma: 1}), r1Penalty({gamma: 2})]),
      'GAN.compile: penalties need names of their own, but "r1" is empty or taken.',
    ],
    [
      () => goldenGan([{name: 'mine', weight: 1, penalty: 3 as unknown as Penalty['penalty']}]),
      "GAN.compile: penalty 'mine' needs a function, but it is number.",
    ],
  ])('%#: refuses', (call, message) => {
    expect(call).toThrow(message);
  });
});
