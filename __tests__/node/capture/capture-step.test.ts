import * as tf from '@tensorflow/tfjs';
import {readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {GAN, l1Loss, setLearningRate} from '../../../src/index.js';
import type {CaptureOptions} from '../../../src/node/index.js';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';

interface Binding {
  getNumOfSavedModels(): number;
  getNumOfTensors(): number;
}

const binding = () => (tf.backend() as unknown as {binding: Binding}).binding;

describeOnTensorFlow('captureStep', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const inputs: CaptureOptions['inputs'] = [
    {shape: [8, 3], dtype: 'float32'},
    {shape: [8, 1], dtype: 'float32'},
  ];

  beforeEach(() => {
    warnings.length = 0;
  });

  /** A small regression: two such of the same seed are the same. */
  function regression(optimizer: tf.Optimizer) {
    const layer = (units: number, seed: number, rest = {}) =>
      tf.layers.dense({units, kernelInitializer: tf.initializers.glorotUniform({seed}), ...rest});
    const model = tf.sequential({layers: [layer(5, 1, {inputShape: [3], activation: 'tanh'}), layer(1, 2)]});
    const variables = model.trainableWeights.map(weight => weight.read() as tf.Variable);
    const step = (x: tf.Tensor, y: tf.Tensor) =>
      optimizer.minimize(() => tf.losses.meanSquaredError(y, model.apply(x) as tf.Tensor), true, variables)!;
    const weights = () => variables.flatMap(variable => [...variable.dataSync()]);
    return {model, variables, step, weights, optimizer};
  }

  function batch(seed: number, size = 8): [tf.Tensor, tf.Tensor] {
    return tf.tidy(() => {
      const x = tf.randomNormal([size, 3], 0, 1, 'float32', seed + 1); // 0 would be no seed
      return [x, tf.sum(tf.square(x), 1, true)];
    });
  }

  /** Runs both on the same batches and returns the losses. */
  function train(steps: ((x: tf.Tensor, y: tf.Tensor) => tf.Scalar)[], count: number, first = 0): number[][] {
    return Array.from({length: count}, (_, i) =>
      tf.tidy(() => {
        const [x, y] = batch(first + i);
        return steps.map(step => step(x, y).dataSync()[0]!);
      }),
    );
  }

  function expectClose(actual: number[], expected: number[], relative = 1e-5) {
    const scale = Math.max(...expected.map(Math.abs));
    actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(relative * scale));
  }

  test.each<[string, () => tf.Optimizer, number]>([
    ['sgd', () => tf.train.sgd(0.05), 1e-4],
    ['adam', () => tf.train.adam(0.01), 1e-4],
    ['momentum', () => tf.train.momentum(0.02, 0.9), 1e-4],
    ['rmsprop', () => tf.train.rmsprop(0.01), 1e-4],
    ['adagrad', () => tf.train.adagrad(0.05), 1e-4],
  ])('agrees with the usual step over 100 steps of %s', (_, make, tolerance) => {
    const [captured, usual] = [regression(make()), regression(make())];
    const step = captureStep(captured.step, {inputs, onWarning});
    const losses = train([step, usual.step], 104);
    expect(step.status).toMatchObject({state: 'captured', graphs: 1});
    expectClose(
      losses.map(one => one[0]!),
      losses.map(one => one[1]!),
      tolerance,
    );
    expectClose(captured.weights(), usual.weights(), tolerance);
    expect(captured.optimizer.iterations).toBe(usual.optimizer.iterations);
    const mean = (some: number[][]) => some.reduce((sum, [loss]) => sum + loss!, 0) / some.length;
    expect(mean(losses.slice(-20))).toBeLessThan(0.7 * mean(losses.slice(0, 20)));
    expect(warnings).toEqual([]);
    step.dispose();
  });

  test('takes ops whose type tfjs leaves to TensorFlow', () => {
    const step = captureStep((x: tf.Tensor) => tf.add(tf.expandDims(x, 1), tf.expandDims(tf.cast(x, 'int32'))), {
      inputs: [{shape: [3], dtype: 'float32'}],
      onWarning,
    });
    const run = () => tf.tidy(() => step(tf.tensor1d([0.5, 1.5, 2.5])).arraySync());
    const [first, , third] = [run(), run(), run()];
    expect(third).toEqual(first);
    expect([step.status.state, warnings]).toEqual(['captured', []]);
    step.dispose();
  });

  test.each<[string, () => tf.Optimizer]>([
    ['sgd', () => tf.train.sgd(0.05)],
    ['adam', () => tf.train.adam(0.01)],
    ['rmsprop', () => tf.train.rmsprop(0.01)],
  ])('takes a new learning rate of %s', (_, make) => {
    const [captured, usual] = [regression(make()), regression(make())];
    const step = captureStep(captured.step, {inputs, onWarning});
    for (const [i, rate] of [0.05, 0.002, 0.01].entries()) {
      for (const {optimizer} of [captured, usual]) setLearningRate(optimizer, rate);
      train([step, usual.step], 6, 6 * i);
      expectClose(captured.weights(), usual.weights());
    }
    expect(step.status.state).toBe('captured');
    expect(warnings).toEqual([]);
    step.dispose();
  });

  describe('keeps one truth for the weights', () => {
    function capturedRegression() {
      const made = regression(tf.train.sgd(0.05));
      const step = captureStep(made.step, {inputs, onWarning});
      train([step], 4);
      expect(step.status.state).toBe('captured');
      return {...made, captured: step};
    }

    test('for eager code that looks at them', () => {
      const {model, captured, step: usual, weights} = capturedRegression();
      const [x] = batch(50);
      const predict = () => [...(model.predict(x) as tf.Tensor).dataSync()];
      const [first, before] = [predict(), weights()];
      train([captured], 1);
      expect(predict()).not.toEqual(first);
      expect(weights()).not.toEqual(before);
      // An eager step starts from what the captured one left, and the reverse.
      const other = regression(tf.train.sgd(0.05));
      other.model.setWeights(model.getWeights());
      train([usual, other.step], 2);
      train([captured, other.step], 2);
      expectClose(weights(), other.weights());
      captured.dispose();
    });

    test('for eager code that changes them', () => {
      const {model, variables, captured, weights} = capturedRegression();
      const other = regression(tf.train.sgd(0.05));
      const change = (all: tf.Variable[]) => tf.tidy(() => all.forEach(one => one.assign(tf.mul(one, 0.5))));
      change(variables);
      other.model.setWeights(model.getWeights());
      train([captured, other.step], 3);
      expectClose(weights(), other.weights());
      // One of them alone, with nothing read in between.
      tf.tidy(() => {
        for (const one of [variables[0]!, other.variables[0]!]) one.assign(tf.fill(one.shape, 0.1));
      });
      train([captured, other.step], 3);
      expectClose(weights(), other.weights());
      captured.dispose();
    });

    test('a clone keeps the value of its time', () => {
      const {variables, captured} = capturedRegression();
      train([captured], 1);
      const clones = variables.map(one => tf.clone(one));
      train([captured], 1);
      const reshaped = tf.reshape(variables[0]!, [-1]);
      train([captured], 1);
      const values = [...clones, reshaped].map(one => [...one.dataSync()]);
      const now = [...variables, variables[0]!].map(one => [...one.dataSync()]);
      values.forEach((value, i) => expect(value).not.toEqual(now[i]));
      expect(values.at(-1)).not.toEqual(values[0]);
      train([captured], 2);
      expect([...clones[0]!.dataSync()]).toEqual(values[0]);
      tf.dispose([clones, reshaped]);
      captured.dispose();
    });

    test('what shared the data of a variable that no step changes is not taken for it', () => {
      const [weight, factor] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))];
      const copy = factor.clone();
      const step = captureStep(
        (x: tf.Tensor) => {
          weight.assign(tf.add(weight, tf.mul(x, copy)));
          return tf.mul(weight, factor);
        },
        {inputs: [{shape: [], dtype: 'float32'}]},
      );
      const run = () => tf.tidy(() => step(tf.scalar(1)).dataSync()[0]);
      expect([run(), run(), run()]).toEqual([6, 10, 14]);
      expect(step.status.state).toBe('captured');
      factor.assign(tf.scalar(10));
      expect([run(), run()]).toEqual([90, 110]);
      step.dispose();
    });

    test('for two captured steps that share them, and after dispose', () => {
      const {step: usual, captured, weights} = capturedRegression();
      const other = regression(tf.train.sgd(0.05));
      const second = captureStep((x: tf.Tensor, y: tf.Tensor) => usual(x, y), {inputs, onWarning});
      train([other.step], 4);
      for (let i = 0; i < 4; i++) {
        train([captured, other.step], 1, 10 * i);
        expectClose(weights(), other.weights());
        train([second, other.step], 2, 10 * i + 1);
        expectClose(weights(), other.weights());
      }
      expect(second.status.state).toBe('captured');
      second.dispose();
      captured.dispose();
      expectClose(weights(), other.weights());
      train([captured, other.step], 3);
      expectClose(weights(), other.weights());
      captured.dispose();
    });

    test('other shapes have graphs of their own, up to a limit', () => {
      const {captured, weights} = capturedRegression();
      const other = regression(tf.train.sgd(0.05));
      train([other.step], 4);
      for (let i = 0; i < 12; i++) {
        tf.tidy(() => {
          const [x, y] = batch(100 + i, i % 3 === 2 ? 5 : 8);
          captured(x, y);
          other.step(x, y);
        });
      }
      expect(captured.status.graphs).toBe(2);
      expectClose(weights(), other.weights());
      // A shape that comes once takes no place.
      for (let size = 9; size < 20; size++) tf.tidy(() => void captured(...batch(1, size)));
      expect(warnings).toEqual([]);
      for (let i = 0; i < 12; i++) tf.tidy(() => void captured(...batch(1, 1 + Math.floor(i / 3))));
      expect(captured.status.graphs).toBe(4);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/inputs of shape \[3,3\],\[3,1\] run as usual/);
      captured.dispose();
    });
  });

  describe('does not capture', () => {
    const model = (change: (x: tf.Tensor, call: number) => tf.Tensor) => {
      const weight = tf.variable(tf.ones([3, 1]));
      const optimizer = tf.train.sgd(0.01);
      let call = 0;
      return (x: tf.Tensor, y: tf.Tensor) => {
        call++;
        return optimizer.minimize(
          () => tf.losses.meanSquaredError(y, tf.matMul(change(x, call) as tf.Tensor2D, weight as tf.Tensor2D)),
          true,
          [weight],
        )!;
      };
    };

    test.each<[string, () => (x: tf.Tensor, y: tf.Tensor) => unknown, RegExp]>([
      [
        'random numbers of its own',
        () => model(x => tf.add(x, tf.rand([8, 3], Math.random))),
        /constant of shape \[8,3\] made in JavaScript changes.*give it to the step as an input, at .*capture-step\.test/,
      ],
      [
        'a branch',
        () => model((x, call) => (call % 2 ? tf.relu(x) : tf.tanh(x))),
        /stands where .* stood the step before/,
      ],
      [
        'values that are read',
        () => model(x => tf.mul(x, tf.mean(x).dataSync()[0]!)),
        /reads a value \(dataSync, data or array\) before it ends.*, at .*capture-step\.test/,
      ],
      [
        'an op that draws',
        () => model(x => tf.add(x, tf.cast(tf.multinomial([0.5, 0.5], 1, 3), 'float32'))),
        /Multinomial/,
      ],
      [
        'another tensor at every step',
        () => {
          const noise = [tf.zeros([8, 3]), tf.zeros([8, 3])];
          return model((x, call) => tf.add(x, noise[call % 2]!));
        },
        /tensor of shape \[8,3\] from outside is another one at every step: give it/,
      ],
      ['a number as result', () => () => 3, /returns the number 3/],
      ['a promise as result', () => () => Promise.resolve(3), /promise/],
    ])('%s: it goes on as usual, with one warning', (_, make, reason) => {
      const step = captureStep(make(), {inputs, onWarning});
      for (let i = 0; i < 6; i++) tf.tidy(() => void step(...batch(i)));
      expect(step.status).toMatchObject({state: 'eager', graphs: 0});
      expect(step.status.reason).toMatch(reason);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(reason);
    });

    test('for ever what has changed since: it finds out within 100 steps', () => {
      const step = captureStep(
        model((x, call) => tf.mul(x, call < 3 ? 1 : 2)),
        {inputs, onWarning},
      );
      train([step], 101);
      expect(step.status.state).toBe('captured');
      train([step], 2);
      expect(step.status.state).toBe('eager');
      expect(warnings[0]).toMatch(/since one of its last \d+ steps it is not the step that was captured: a constant/);
    });
  });

  test('an error names the op and the place, and leaves the weights as they were', () => {
    const weight = tf.variable(tf.ones([2]));
    const table = tf.ones([4, 2]);
    const optimizer = tf.train.adam(0.1);
    const step = captureStep(
      (indices: tf.Tensor) => {
        const rows = () => tf.mul(weight, tf.gatherND(table, indices));
        return optimizer.minimize(() => tf.sum<tf.Scalar>(tf.square(rows())), true, [weight])!;
      },
      {inputs: [{shape: [2, 1], dtype: 'int32'}]},
    );
    const indices = (last: number) => tf.tensor2d([[0], [last]], [2, 1], 'int32');
    for (let i = 0; i < 4; i++) tf.tidy(() => void step(indices(2)));
    expect(step.status.state).toBe('captured');
    const before = [...weight.dataSync()];
    const tensors = tf.memory().numTensors;
    expect(() => tf.tidy(() => step(indices(9)))).toThrow(
      /captured step: GatherNd failed, at .*capture-step\.test.*9/s,
    );
    expect([...weight.dataSync()]).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
    tf.tidy(() => void step(indices(2)));
    expect([...weight.dataSync()]).not.toEqual(before);
    step.dispose();
  });

  test('refuses inputs that it was not made for', () => {
    const step = captureStep((x: tf.Tensor) => tf.sum(x), {inputs: [{shape: [2], dtype: 'float32'}]});
    expect(() => step(tf.tensor1d([1, 2], 'int32'))).toThrow(/takes tensors \(float32\), but it was given \(int32\)/);
  });

  test('returns what the step returns, and nothing leaks over many captures', () => {
    const weight = tf.variable(tf.ones([2]));
    const folders = () => readdirSync(tmpdir()).filter(name => name.startsWith('tfjs-ragan-step-'));
    const before = folders();
    const run = () => {
      const step = captureStep(
        (x: tf.Tensor) => {
          tf.tidy(() => weight.assign(tf.add(weight, x)));
          return {sum: tf.sum(weight), parts: [weight.clone(), x.clone(), tf.scalar(7)], none: undefined};
        },
        {inputs: [{shape: [2], dtype: 'float32'}]},
      );
      const x = tf.ones([2]);
      for (let i = 0; i < 4; i++) {
        const start = weight.dataSync()[0]!;
        const {sum, parts} = step(x);
        expect([sum, ...parts].map(one => one.dataSync()[0])).toEqual([2 * start + 2, start + 1, 1, 7]);
        tf.dispose([sum, parts]);
      }
      x.dispose();
      expect(step.status.state).toBe('captured');
      step.dispose();
    };
    run();
    const counts = () => [tf.memory().numTensors, binding().getNumOfSavedModels(), binding().getNumOfTensors()];
    const start = counts();
    for (let i = 0; i < 1000; i++) run();
    expect(counts()).toEqual(start);
    expect(folders()).toEqual(before);
  }, 240_000);

  describe('in a GAN', () => {
    function gan(capture: boolean) {
      // Without a bias: the loss does not see that of the last logit, and its gradient is rounding alone.
      const dense = (units: number, inputDim: number, seed: number) =>
        tf.layers.dense({units, inputDim, useBias: false, kernelInitializer: tf.initializers.glorotUniform({seed})});
      const generator = tf.sequential({layers: [dense(6, 2, 1), tf.layers.leakyReLU({alpha: 0.2}), dense(3, 6, 2)]});
      const discriminator = tf.sequential({
        layers: [dense(6, 3, 3), tf.layers.leakyReLU({alpha: 0.2}), dense(1, 6, 4)],
      });
      const made = new GAN({generator, discriminator});
      made.compile({
        generatorOptimizer: tf.train.adam(1e-3),
        discriminatorOptimizer: tf.train.adam(1e-3),
        generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
        capture,
      });
      return made;
    }
    const weights = (made: GAN) =>
      [made.generator, made.discriminator].flatMap(model => model.getWeights().flatMap(one => [...one.dataSync()]));

    test('by default, in both stages, with the same numbers as without', async () => {
      const [captured, usual] = [gan(true), gan(false)];
      const {numTensors} = tf.memory();
      for (let i = 0; i < 20; i++) {
        const [xs, ys] = [
          tf.randomNormal([4, 2], 0, 1, 'float32', i + 1),
          tf.randomNormal([4, 3], 1, 1, 'float32', 99 + i),
        ];
        const options = {adversarial: i > 6 && i % 5 !== 0};
        if (i === 12) for (const {generator} of [captured, usual]) generator.layers[2]!.trainable = false;
        const [ours, theirs] = [
          await captured.trainOnBatch(xs, ys, options),
          await usual.trainOnBatch(xs, ys, options),
        ];
        expect(Object.keys(ours)).toEqual(Object.keys(theirs));
        expectClose(Object.values(ours), Object.values(theirs));
        tf.dispose([xs, ys]);
      }
      expect(captured.captureStatus).toMatchObject({state: 'captured'});
      expect(usual.captureStatus).toBeUndefined();
      expectClose(weights(captured), weights(usual));
      captured.dispose();
      expectClose(weights(captured), weights(usual));
      // Adam's moments of both networks, in both GANs.
      expect(tf.memory().numTensors).toBe(numTensors + 2 * 2 * 4);
    });
  });
});
