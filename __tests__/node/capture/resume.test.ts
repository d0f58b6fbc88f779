import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from '../../../src/index.js';
import {GAN, l1Loss, r1Penalty, r2Penalty} from '../../../src/index.js';
import {captureStep, loadCheckpoint, saveCheckpoint} from '../../../src/node/index.js';
import type {AdamState} from '../../../src/training/adam-state.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const path = temporaryFolder();

/** A run that stops and goes on with new variables and optimizers, bit for bit as one that was not stopped. */
describeOnTensorFlow('captured steps from a checkpoint', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const valuesOf = (tensors: tf.Tensor[]) => tensors.map(one => [...one.dataSync()]);
  const batch = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

  /** Two networks of the same weights each time, with batch normalisation, and what trains them. */
  function training(options: Partial<GANCompileOptions>) {
    const convolution = (filters: number, seed: number, rest = {}) =>
      tf.layers.conv2d({
        filters,
        kernelSize: 3,
        padding: 'same',
        kernelInitializer: tf.initializers.glorotUniform({seed}),
        ...rest,
      });
    const {batchNormalization, leakyReLU, flatten, dense} = tf.layers;
    const generator = tf.sequential({
      layers: [convolution(8, 1, {inputShape: [8, 8, 3]}), batchNormalization(), leakyReLU(), convolution(3, 2)],
    });
    const discriminator = tf.sequential({
      layers: [
        convolution(8, 3, {inputShape: [8, 8, 3]}),
        leakyReLU(),
        flatten(),
        dense({units: 1, kernelInitializer: tf.initializers.glorotUniform({seed: 4})}),
      ],
    });
    const gan = new GAN({generator, discriminator});
    const adam = () => tf.train.adam(1e-2, 0.5);
    const {generatorOptimizer = adam(), discriminatorOptimizer = adam(), ...rest} = options;
    const optimizers = {generatorOptimizer, discriminatorOptimizer};
    const warnings: string[] = [];
    gan.compile({
      ...optimizers,
      generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
      weightAverage: {decay: 0.9},
      onWarning: message => void warnings.push(message),
      ...rest,
    });
    const trained = {models: {generator, discriminator, average: gan.averagedGenerator}, optimizers};
    const losses: Record<string, number>[] = [];
    const train = async (first: number, last: number) => {
      for (let i = first; i <= last; i++) {
        const [xs, ys] = [batch([4, 8, 8, 3], 2 * i), batch([4, 8, 8, 3], 2 * i + 1)];
        losses.push(await gan.trainOnBatch(xs, ys));
        tf.dispose([xs, ys]);
      }
    };
    return {gan, trained, train, losses, warnings};
  }

  const options: [string, () => Partial<GANCompileOptions>][] = [
    ['Adam and an average', () => ({})],
    [
      'penalties at some steps',
      () => ({penalties: [r1Penalty({gamma: 1, every: 3}), r2Penalty({gamma: 1})], clipNorm: 1}),
    ],
    ['more steps of the critic', () => ({discriminatorSteps: 2, penalties: [r1Penalty({gamma: 1, every: 2})]})],
    [
      'optimizers that are recorded op by op',
      () => ({generatorOptimizer: tf.train.adagrad(0.01), discriminatorOptimizer: tf.train.rmsprop(1e-3, 0.9, 0.5)}),
    ],
  ];

  test.each(options)('with %s', async (name, make) => {
    const run = (some: ReturnType<typeof training>) => {
      const {models, optimizers} = some.trained;
      return {
        weights: Object.values(models).map(model => valuesOf(model.getWeights())),
        counts: Object.values(optimizers).map(({iterations}) => iterations),
        losses: some.losses,
      };
    };
    const whole = training(make());
    await whole.train(1, 10);
    expect(whole.gan.captureStatus).toMatchObject({state: 'captured'});

    const file = path(`${name}.bin`);
    const first = training(make());
    await first.train(1, 5);
    await saveCheckpoint(file, first.trained, {});
    first.gan.dispose();
    const second = training(make());
    await loadCheckpoint(file, second.trained);
    second.gan.step = 5;
    await second.train(6, 10);
    second.losses.unshift(...first.losses);
    expect(run(second)).toEqual(run(whole));
    expect([...whole.warnings, ...second.warnings]).toEqual([]);
    for (const {gan} of [whole, second]) gan.dispose();
  });

  test('also where the step is checked in between', async () => {
    const make = () => {
      const [weight, optimizer] = [tf.variable(batch([3, 1], 1)), tf.train.adam(0.01)];
      const step = captureStep(
        (x: tf.Tensor, y: tf.Tensor) =>
          optimizer.minimize(
            () => tf.mean(tf.square(tf.sub(tf.tanh(tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D)), y))),
            true,
            [weight],
          )!,
        {inputs: [batch([8, 3], 1), batch([8, 1], 1)]},
      );
      const train = (first: number, last: number) => {
        for (let i = first; i <= last; i++) {
          tf.tidy(() => void step(batch([8, 3], i), batch([8, 1], i + 1)));
        }
      };
      return {weight, optimizer, step, train};
    };
    const [whole, first, second] = [make(), make(), make()];
    whole.train(1, 150);
    first.train(1, 60);
    second.weight.assign(first.weight);
    await second.optimizer.setWeights(await first.optimizer.getWeights());
    // tfjs computes the powers of the decay rates anew, and their last bits differ.
    const [from, to] = [first, second].map(({optimizer}) => optimizer as unknown as AdamState);
    for (const power of ['accBeta1', 'accBeta2'] as const) to![power].assign(from![power]);
    second.train(61, 150);
    expect(valuesOf([second.weight])).toEqual(valuesOf([whole.weight]));
    expect(whole.step.status.state).toBe('captured');
    [whole, first, second].forEach(({step}) => step.dispose());
  });

  test('take the first step once, as it is without capture', () => {
    const make = (optimizer: tf.Optimizer) => {
      const weight = tf.variable(tf.scalar(2));
      let calls = 0;
      const step = (x: tf.Tensor) => {
        calls++;
        const loss = optimizer.minimize(() => tf.square<tf.Scalar>(tf.mul(weight, x)), true, [weight])!;
        return [loss, weight.clone()];
      };
      return {weight, step, calls: () => calls, optimizer};
    };
    for (const optimizer of [() => tf.train.adam(0.1), () => tf.train.sgd(0.1), () => tf.train.momentum(0.1, 0.9)]) {
      const [ours, theirs] = [make(optimizer()), make(optimizer())];
      const step = captureStep(ours.step, {inputs: [{shape: [], dtype: 'float32'}]});
      for (let call = 1; call <= 2; call++) {
        const {numTensors} = tf.memory();
        const [x, expected] = [tf.scalar(call), tf.tidy(() => valuesOf(theirs.step(tf.scalar(call))))];
        const result = step(x);
        valuesOf(result).forEach(([value], i) => expect(value).toBeCloseTo(expected[i]![0]!, 5));
        expect(valuesOf([ours.weight])[0]![0]).toBeCloseTo(valuesOf([theirs.weight])[0]![0]!, 5);
        expect([ours.calls(), ours.optimizer.iterations]).toEqual([call, call]);
        tf.dispose([x, result]);
        // In the first, each made what it accumulates.
        if (call === 2) expect(tf.memory().numTensors).toBe(numTensors);
      }
      step.dispose();
    }
  });
});
