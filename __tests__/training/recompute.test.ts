import * as tf from '@tensorflow/tfjs';
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import type {GANCompileOptions, Networks, Objective, Step} from 'tfjs-ragan';
import {
  compactGenerator,
  criticStep,
  esrganGenerator,
  GAN,
  l1Loss,
  localAveraging,
  onePassStep,
  patchDiscriminator,
  RelativisticAverageLoss,
  separatePassesStep,
  spectralNormalization,
  vggDiscriminator,
  warmUpStep,
} from 'tfjs-ragan';
import {isRepeatable} from '../../src/training/inspect-critic.js';
import {layerGraph} from '../../src/training/layer-graph.js';
import {inMicroBatches} from '../../src/training/micro-batches.js';
import {segmentsOf} from '../../src/training/segments.js';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {conditionalBatch, conditionalNetworks} from '../support/conditional-gan.js';
import {batch, networks, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

const generator = (blocks = 2) => esrganGenerator({scale: 2, filters: 4, growth: 2, blocks, seed: 1});
const images = (samples: number) => ({
  xs: tf.randomUniform([samples, 4, 4, 3], 0, 1, 'float32', 3),
  ys: tf.randomUniform([samples, 8, 8, 3], 0, 1, 'float32', 4),
});
const critic = () => vggDiscriminator({size: 8, filters: 2, seed: 2});
const patchCritic = () => patchDiscriminator({filters: 2, stages: 1, seed: 2});

type Apply = tf.SymbolicTensor;
const initializer = (seed: number) => tf.initializers.glorotNormal({seed});
const convolution = (seed: number, filters = 4, rest = {}) =>
  tf.layers.conv2d({filters, kernelSize: 3, padding: 'same', kernelInitializer: initializer(seed), ...rest});

/** Skips over two levels, a layer that is used twice, statistics, power iteration, a fixed draw, a model within. */
function unet(): tf.LayersModel {
  const input = tf.input({shape: [4, 4, 3]});
  const shared = convolution(2);
  const inner = tf.sequential({layers: [convolution(6, 4, {inputShape: [2, 2, 4]}), tf.layers.leakyReLU()]});
  const normalized = tf.layers.batchNormalization();
  const leaky = (x: Apply) => tf.layers.leakyReLU().apply(x) as Apply;
  const first = leaky(normalized.apply(convolution(1).apply(input)) as Apply);
  const same = shared.apply(leaky(shared.apply(first) as Apply)) as Apply;
  const skip = tf.layers.add().apply([first, same]) as Apply;
  let down = leaky(spectralNormalization(convolution(3, 4, {strides: 2})).apply(skip) as Apply);
  down = tf.layers.dropout({rate: 0.5, seed: 7}).apply(down) as Apply;
  down = inner.apply(leaky(convolution(4).apply(down) as Apply)) as Apply;
  const up = tf.layers.upSampling2d({size: [2, 2]}).apply(down) as Apply;
  const joined = tf.layers.concatenate().apply([skip, up]) as Apply;
  const large = tf.layers.upSampling2d({size: [2, 2]}).apply(leaky(convolution(5).apply(joined) as Apply)) as Apply;
  const model = tf.model({inputs: input, outputs: convolution(8, 3).apply(large) as Apply});
  // The vector of spectral normalisation is random.
  const vectors = model.layers.flatMap(layer =>
    layer.getClassName() === 'SpectralNormalization' ? layer.weights.slice(-1) : [],
  );
  expect(vectors).toHaveLength(1);
  for (const vector of vectors) vector.write(tf.randomNormal(vector.shape as number[], 0, 1, 'float32', 9));
  return model;
}

const steps: [string, Step][] = [
  ['one pass', onePassStep],
  ['separate passes', separatePassesStep],
  ['the warm-up', warmUpStep],
];
const makers: [string, () => tf.LayersModel][] = [
  ['ESRGAN', generator],
  ['a U-net', unet],
];

const objective = (changes: Partial<Objective> = {}): Objective => ({
  loss: new RelativisticAverageLoss(),
  adversarialWeight: 0.3,
  generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  averaging: localAveraging,
  ...changes,
});

const recipe = (rate: number) => ({
  generatorOptimizer: tf.train.sgd(rate),
  discriminatorOptimizer: tf.train.sgd(rate),
  generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
});

interface Batch {
  xs: tf.Tensor | tf.Tensor[];
  ys: tf.Tensor;
  condition?: tf.Tensor[];
}

/** What a step gives for a generator with its activations recomputed, or not, and what it leaves in its weights. */
async function valuesAfter(recompute: boolean, step: Step, nets: Networks, batch: Batch, changes?: Partial<Objective>) {
  const values: number[][] = [];
  // Twice: what the first step leaves in the layers counts too.
  for (let i = 0; i < 2; i++) {
    const before = tf.memory().numTensors;
    const result = step(nets, objective({recompute, ...changes}), batch.xs, batch.ys, batch.condition);
    for (const one of [result.losses, result.generatorGradients, result.discriminatorGradients]) {
      // The variables' own names differ from model to model.
      values.push((await Promise.all(Object.values<tf.Tensor>(one).map(valuesOf))).flat());
    }
    tf.dispose({...result});
    expect(tf.memory().numTensors).toBe(before);
  }
  values.push((await weightsOf(nets.generator)).flat());
  return values;
}

async function expectSame(step: Step, networks: () => Networks, batch: Batch, changes?: Partial<Objective>) {
  const kept = await valuesAfter(false, step, networks(), batch, changes);
  const again = await valuesAfter(true, step, networks(), batch, changes);
  expect(again.map(({length}) => length)).toEqual(kept.map(({length}) => length));
  // A value that is used several times may get its gradients in another order.
  again.forEach((values, i) => values.length > 0 && expectClose(values, kept[i]!, 1e-6));
}

describeOnBackends('recomputed activations', () => {
  const cases = makers.flatMap(([model, make]) => steps.map(([name, step]) => [model, name, make, step] as const));

  test.each(cases)('give the same losses and gradients for %s in %s', async (_, name, make, step) => {
    const discriminator = name === 'one pass' ? critic() : patchCritic();
    await expectSame(step, () => ({generator: make(), discriminator}), images(2));
  });

  test('give the same for a generator with several inputs and a critic with a condition', async () => {
    for (const step of [onePassStep, separatePassesStep]) {
      await expectSame(step, conditionalNetworks, conditionalBatch(), {generatorLosses: []});
    }
  });

  test('give the same for layers that are frozen, at the start and in between', async () => {
    const frozen = () => {
      const model = unet();
      model.layers.forEach((layer, i) => (layer.trainable = i > 5 && i % 3 > 0));
      return {generator: model, discriminator: patchCritic()};
    };
    await expectSame(separatePassesStep, frozen, images(2));
  });

  test('are kept of models with masks or with a class of their own, and of layers that draw', async () => {
    const batch = {xs: tf.tensor3d([1, 2, 0, 0, 3, 4], [1, 3, 2]), ys: tf.ones([1, 3])};
    const {masking, simpleRNN, leakyReLU, dense, dropout} = tf.layers;
    const rnn = simpleRNN({units: 4, kernelInitializer: initializer(1), recurrentInitializer: initializer(2)});
    const ends = () => [leakyReLU(), dense({units: 4, kernelInitializer: initializer(3)}), leakyReLU()];
    const last = dense({units: 3, kernelInitializer: initializer(4)});
    const generator = tf.sequential({layers: [masking({maskValue: 0, inputShape: [3, 2]}), rnn, ...ends(), last]});
    await expectSame(warmUpStep, () => ({generator, discriminator: patchCritic()}), batch);

    class Doubled extends tf.LayersModel {
      override call(inputs: tf.Tensor, kwargs: Record<string, unknown>) {
        return tf.mul([super.call(inputs, kwargs)].flat()[0]!, 2);
      }
    }
    const {inputs, outputs} = conditionalNetworks().generator;
    const doubled = new Doubled({inputs, outputs});
    await expectSame(warmUpStep, () => ({generator: doubled, discriminator: patchCritic()}), {
      ...conditionalBatch(),
    });

    const drawing = tf.sequential({
      layers: [dense({units: 4, inputShape: [4]}), ...ends(), dropout({rate: 0.5}), ...ends()],
    });
    const calls = drawing.layers.map(layer => jest.spyOn(layer, 'call'));
    const ones = {xs: tf.ones([5, 4]), ys: tf.ones([5, 4])};
    await valuesAfter(true, warmUpStep, {generator: drawing, discriminator: patchCritic()}, ones);
    expect(calls.map(({mock}) => mock.calls.length / 2)).toEqual([2, 2, 2, 2, 1, 2, 2, 2]);
  });

  test('leave nothing behind where a step fails', () => {
    const nets = {generator: unet(), discriminator: patchCritic()};
    const {xs, ys} = images(2);
    const fails = () => {
      throw new Error('no loss');
    };
    const before = tf.memory().numTensors;
    for (const step of [separatePassesStep, warmUpStep]) {
      const failing = objective({recompute: true, generatorLosses: [{name: 'none', weight: 1, loss: fails}]});
      expect(() => step(nets, failing, xs, ys)).toThrow('no loss');
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('train in micro-batches and lanes too', async () => {
    const batch = images(3);
    const after = async (options: {recompute?: boolean; microBatchSize?: number}) => {
      const gan = new GAN({generator: generator(), discriminator: critic()});
      gan.compile({...recipe(0.1), discriminatorSteps: 2, capture: false, ...options});
      for (let i = 0; i < 2; i++) await gan.trainOnBatch(batch.xs, batch.ys);
      return (await weightsOf(gan.generator)).flat();
    };
    const whole = await after({});
    expectClose(await after({recompute: true}), whole, 2e-6);
    expectClose(await after({recompute: true, microBatchSize: 2}), whole, 2e-6);
    const networks = () => ({generator: generator(), discriminator: critic()});
    await expectSame(onePassStep, networks, batch, {lanes: 2});
  });

  test.each<[string, Step]>([
    ['the warm-up', warmUpStep],
    ['the critic alone', criticStep],
    ['its micro-batches', inMicroBatches(criticStep, 64, 'separate')],
  ])('need less memory, in %s', async (_, step) => {
    const {xs, ys} = batch(128);
    const hidden = () => [tf.layers.dense({units: 16}), tf.layers.leakyReLU()];
    const deep = Array.from({length: 30}, hidden).flat();
    const generator = tf.sequential({
      layers: [tf.layers.dense({units: 16, inputShape: [4]}), ...deep, tf.layers.dense({units: 3})],
    });
    const nets = {generator, discriminator: networks().discriminator};
    const peak = async (recompute: boolean) => {
      const before = tf.memory().numBytes;
      const {peakBytes} = await tf.profile(() => {
        tf.dispose({...step(nets, objective({recompute}), xs, ys)});
        return undefined;
      });
      return peakBytes - before;
    };
    expect(await peak(true)).toBeLessThan(0.35 * (await peak(false)));
  });

  test('can be differentiated again, by a generator loss that takes a gradient', async () => {
    const {xs, ys} = images(1);
    const slope = {
      name: 'slope',
      weight: 1,
      loss: (target: tf.Tensor, output: tf.Tensor) =>
        tf.mean<tf.Scalar>(tf.square(tf.grad(x => tf.sum(tf.pow(tf.sub(x, target), 3)))(output))),
    };
    const after = async (recompute: boolean) => {
      const nets = {generator: generator(1), discriminator: patchCritic()};
      const result = warmUpStep(nets, objective({recompute, generatorLosses: [slope]}), xs, ys);
      return (await Promise.all(Object.values<tf.Tensor>(result.generatorGradients).map(valuesOf))).flat();
    };
    expectClose(await after(true), await after(false), 1e-6);
  });
});

describeOnTensorFlow('recomputed activations, captured', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  test.each<[string, Partial<GANCompileOptions>]>([
    ['one pass', {passes: 'one'}],
    ['separate passes', {passes: 'separate'}],
    ['micro-batches', {microBatchSize: 3, onWarning: () => undefined}],
  ])('train to the same weights, in %s and in the warm-up', async (_, options) => {
    const {xs, ys} = images(4);
    const after = async (recompute: boolean, capture: boolean) => {
      const gan = new GAN({generator: unet(), discriminator: critic()});
      gan.compile({...recipe(0.01), recompute, capture, ...options});
      for (const adversarial of [false, true]) {
        for (let i = 0; i < 4; i++) await gan.trainOnBatch(xs, ys, {adversarial});
        if (capture) expect(gan.captureStatus?.state).toBe('captured');
      }
      gan.dispose();
      return (await weightsOf(gan.generator)).flat();
    };
    expectClose(await after(true, true), await after(false, false), 1e-5);
  });
});

describeOnTensorFlow('recomputed activations of a larger network, captured', () => {
  test('are not taken for those that were computed before', () => {
    // Each in a process of its own, on the built package; so deep that the generator's activations are most of it.
    const peak = (recompute: boolean) => {
      const settings = {size: 'lite', blocks: 8, batch: 24, microBatch: 0, steps: 1, capture: true};
      const script = join(__dirname, '../../bench/memory.js');
      const what = JSON.stringify({...settings, backend: tensorFlow, recompute});
      const {stdout} = spawnSync(process.execPath, [script, '--measure', what], {encoding: 'utf8'});
      const measured = JSON.parse(stdout.trim().split('\n').at(-1)!) as {peakMegabytes: number};
      expect(measured).toMatchObject({captured: true, warnings: []});
      return measured.peakMegabytes;
    };
    expect(peak(true)).toBeLessThan(0.8 * peak(false));
  });
});

test('a model is cut where a single value goes on, into about as many segments as a root of its layers', () => {
  const graph = layerGraph(esrganGenerator({scale: 2, filters: 4, growth: 2, blocks: 16}))!;
  const repeatable = graph.calls.map(({layer}) => isRepeatable(layer));
  const segments = segmentsOf(graph, [[1, 8, 8, 3]], repeatable);
  expect(segments.map(({start}) => start)).toEqual([0, ...segments.slice(0, -1).map(({end}) => end)]);
  expect(segments.at(-1)!.end).toBe(graph.calls.length);
  const recomputed = segments.filter(({output}) => output !== undefined);
  expect(recomputed.length).toBeGreaterThan(8);
  expect(recomputed.length).toBeLessThan(40);
  // Every value that a segment takes is one that a segment gives, or a call that is not recomputed, or the input.
  const given = new Set(graph.inputs);
  for (const {start, end, inputs, output} of segments) {
    for (const id of inputs) expect(given).toContain(id);
    for (const id of output === undefined ? graph.calls.slice(start, end).flatMap(({outputs}) => outputs) : [output]) {
      given.add(id);
    }
  }
});

test('all layers of the generators of this package are recomputed', () => {
  const small = {filters: 4, growth: 2, blocks: 1};
  const esrgans = [{scale: 4}, {scale: 2, pixelUnshuffle: 2}].map(sizes => esrganGenerator({...small, ...sizes}));
  for (const model of [...esrgans, compactGenerator({filters: 4, convolutions: 2})]) {
    for (const {layer} of layerGraph(model)!.calls)
      expect([layer.name, isRepeatable(layer)]).toEqual([layer.name, true]);
  }
});

test('GAN.compile refuses a recompute that is not a boolean', () => {
  const gan = new GAN({generator: generator(1), discriminator: patchCritic()});
  expect(() => {
    gan.compile({
      generatorOptimizer: tf.train.sgd(1),
      discriminatorOptimizer: tf.train.sgd(1),
      recompute: 1 as unknown as boolean,
    });
  }).toThrow('GAN.compile: recompute must be a boolean, but it is 1.');
});
