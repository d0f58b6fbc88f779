import * as tf from '@tensorflow/tfjs';
import {GAN, l1Loss, setLearningRate} from '../../../src/index.js';
import {captureStep, loadCheckpoint, saveCheckpoint} from '../../../src/node/index.js';
import {StepSession} from '../../../src/node/capture/step-session.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const path = temporaryFolder();

/** A gradient by its variable's name. */
interface Named {
  name: string;
  tensor: tf.Tensor;
}

/** What might make a captured step do something else than the same step run as usual, without a word. */
describeOnTensorFlow('a captured step', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  beforeEach(() => void (warnings.length = 0));

  const SCALAR = {shape: [], dtype: 'float32' as const};
  const valueOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;
  const scalars = (...values: number[]) => values.map(value => tf.scalar(value));

  /** The loss is the weight times x, so that plain SGD of rate 1 subtracts x. */
  const minimizing = (optimizer: () => tf.Optimizer, weight: tf.Variable) => (x: tf.Tensor) =>
    optimizer().minimize(() => tf.mul<tf.Scalar>(weight, x), true, [weight])!;

  /** Runs a step and its captured twin on variables of their own; what each returned the last time, read in between. */
  function twins<T>(
    make: (weight: tf.Variable) => {step: (x: tf.Tensor) => tf.Scalar; between?: (call: number) => T},
    calls: number,
    xs: (call: number) => number = call => call + 1,
  ) {
    const run = (captured: boolean) => {
      const weight = tf.variable(tf.scalar(2));
      const {step, between} = make(weight);
      const used = captured ? captureStep(step, {inputs: [SCALAR], onWarning}) : step;
      const results = Array.from({length: calls}, (_, call) => {
        between?.(call);
        return tf.tidy(() => [valueOf(used(tf.scalar(xs(call)))), valueOf(weight)]);
      });
      const status = captured ? (used as ReturnType<typeof captureStep>).status : undefined;
      if (captured) (used as ReturnType<typeof captureStep>).dispose();
      return {results, status};
    };
    const [ours, theirs] = [run(true), run(false)];
    ours.results.flat().forEach((value, i) => expect(value).toBeCloseTo(theirs.results.flat()[i]!, 4));
    return ours.status!;
  }

  describe('tells its inputs', () => {
    test.each([
      ['from each other', () => scalars(3, 3).slice(0, 1)],
      ['from a variable', () => [tf.variable(tf.scalar(3))]],
    ])('%s', (_, make) => {
      const step = captureStep((a: tf.Tensor, b: tf.Tensor) => tf.sub(tf.mul(a, 10), b), {inputs: [SCALAR, SCALAR]});
      const [same] = make() as [tf.Tensor];
      for (let i = 0; i < 3; i++) expect(valueOf(step(same, same))).toBe(27);
      const [x, y] = scalars(1, 2) as [tf.Scalar, tf.Scalar];
      expect(valueOf(step(x, y))).toBe(8);
      expect(step.status.state).toBe('captured');
      step.dispose();
    });

    test('from what it holds of them besides', () => {
      const held = tf.scalar(3);
      const step = captureStep((x: tf.Tensor) => tf.sub(tf.mul(held, 10), x), {inputs: [SCALAR]});
      for (let i = 0; i < 3; i++) expect(valueOf(step(held))).toBe(27);
      expect(valueOf(step(tf.scalar(1)))).toBe(29);
      step.dispose();
    });
  });

  describe('follows its optimizers', () => {
    test('into state that setWeights put there', async () => {
      const optimizers = [tf.train.adam(0.1), tf.train.adam(0.1)];
      const weights = optimizers.map(() => tf.variable(tf.scalar(2)));
      const [ours, theirs] = weights.map((weight, i) => minimizing(() => optimizers[i]!, weight));
      const step = captureStep(ours!, {inputs: [SCALAR], onWarning});
      const both = (x: number) => tf.tidy(() => void [step(tf.scalar(x)), theirs!(tf.scalar(x))]);
      for (let i = 0; i < 5; i++) both(1 + i);
      expect(step.status.state).toBe('captured');
      for (const optimizer of optimizers) {
        const state = await optimizer.getWeights();
        await optimizer.setWeights(state.map(({name, tensor}, i) => ({name, tensor: i ? tf.mul(tensor, 5) : tensor})));
      }
      for (let i = 0; i < 5; i++) both(-1 - i);
      expect(valueOf(weights[0]!)).toBeCloseTo(valueOf(weights[1]!), 4);
      step.dispose();
    });

    test('into a checkpoint that was loaded', async () => {
      const networks = () => {
        const layer = (units: number, inputDim: number, seed: number) =>
          tf.layers.dense({units, inputDim, useBias: false, kernelInitializer: tf.initializers.glorotUniform({seed})});
        const generator = tf.sequential({layers: [layer(3, 2, 1)]});
        const discriminator = tf.sequential({layers: [layer(4, 3, 2), tf.layers.leakyReLU(), layer(1, 4, 3)]});
        const optimizers = {generatorOptimizer: tf.train.adam(0.01), discriminatorOptimizer: tf.train.adam(0.01)};
        return {models: {generator, discriminator}, optimizers};
      };
      const finals: number[][] = [];
      for (const capture of [true, false]) {
        const {models, optimizers} = networks();
        const gan = new GAN(models);
        gan.compile({...optimizers, capture, generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}]});
        const train = async (first: number, count: number) => {
          for (let i = first; i < first + count; i++) {
            const [xs, ys] = [
              tf.randomNormal([4, 2], 0, 1, 'float32', i),
              tf.randomNormal([4, 3], 1, 1, 'float32', 99 + i),
            ];
            await gan.trainOnBatch(xs, ys);
          }
        };
        const file = path(`${capture}.bin`);
        await train(1, 5);
        await saveCheckpoint(file, {models, optimizers}, {});
        await train(6, 5);
        await loadCheckpoint(file, {models, optimizers});
        await train(20, 5);
        if (capture) expect(gan.captureStatus).toMatchObject({state: 'captured'});
        finals.push(models.generator.getWeights().flatMap(one => [...one.dataSync()]));
        gan.dispose();
      }
      finals[0]!.forEach((value, i) => expect(value).toBeCloseTo(finals[1]![i]!, 5));
    });

    test.each<[string, (rate: number) => tf.Optimizer]>([
      ['momentum', rate => tf.train.momentum(rate, 0.9)],
      ['nesterov', rate => tf.train.momentum(rate, 0.9, true)],
      ['rmsprop', rate => tf.train.rmsprop(rate, 0.9, 0.5)],
      ['sgd', rate => tf.train.sgd(rate)],
      ['adam', rate => tf.train.adam(rate)],
    ])('of %s along a schedule', (_, make) => {
      const status = twins(weight => {
        const optimizer = make(0.1);
        const between = (call: number) => setLearningRate(optimizer, 0.1 / (1 + call));
        return {step: minimizing(() => optimizer, weight), between};
      }, 30);
      expect(status).toMatchObject({state: 'captured', graphs: 1});
      expect(warnings).toEqual([]);
    });

    test.each<[string, () => tf.Optimizer]>([
      ['adagrad', () => tf.train.adagrad(0.1)],
      ['adadelta', () => tf.train.adadelta(0.5)],
      ['adamax', () => tf.train.adamax(0.1)],
      ['centered rmsprop', () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-2, true)],
    ])('of %s, op by op', (_, make) => {
      const status = twins(weight => {
        const optimizer = make();
        return {step: minimizing(() => optimizer, weight)};
      }, 20);
      expect(status.state).toBe('captured');
    });

    test('that subclass one it knows', () => {
      class Doubling extends tf.SGDOptimizer {
        override applyGradients(gradients: tf.NamedTensorMap | Named[]): void {
          super.applyGradients(gradients);
          super.applyGradients(gradients);
        }
      }
      const status = twins(weight => {
        const optimizer = new Doubling(0.1);
        return {step: minimizing(() => optimizer, weight)};
      }, 6);
      expect(status.state).toBe('captured');
    });

    test('that count no steps', () => {
      class Plain extends tf.Optimizer {
        static className = 'Plain';
        learningRate = 1;
        applyGradients(gradients: tf.NamedTensorMap | Named[]): void {
          for (const {name, tensor} of gradients as Named[]) {
            const variable = tf.engine().registeredVariables[name]!;
            tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(tensor, this.learningRate))));
          }
        }
        getConfig = () => ({});
      }
      twins(weight => {
        const optimizer = new Plain();
        const between = (call: number) => void (optimizer.learningRate = call > 5 ? 0 : 1);
        return {step: minimizing(() => optimizer, weight), between};
      }, 10);
    });

    test('decays a weight after its update', () => {
      twins(weight => {
        const [optimizer, decay] = [tf.train.adam(0.1), tf.train.sgd(0.5)];
        const step = (x: tf.Tensor) =>
          tf.tidy(() => {
            const {value, grads} = tf.variableGrads(() => tf.mul<tf.Scalar>(weight, x), [weight]);
            optimizer.applyGradients([{name: weight.name, tensor: grads[weight.name]!}]);
            decay.applyGradients([{name: weight.name, tensor: weight}]);
            return value;
          });
        return {step};
      }, 10);
    });
  });

  describe('is not made of', () => {
    const weight = () => tf.variable(tf.scalar(2));
    test.each<[string, () => (x: tf.Tensor) => unknown, RegExp]>([
      [
        'a schedule inside the step',
        () => {
          const optimizer = tf.train.adam(0.1);
          const step = minimizing(() => optimizer, weight());
          return x => {
            setLearningRate(optimizer, (optimizer.getConfig().learningRate as number) * 0.9);
            return step(x);
          };
        },
        /changes the settings of an optimizer .*set them between steps/,
      ],
      [
        'a branch that is taken every few steps',
        () => {
          const [a, b] = [tf.train.adam(0.1), tf.train.adam(0.1)];
          const steps = [minimizing(() => a, weight()), minimizing(() => b, weight())] as const;
          let call = 0;
          return x => {
            if (call++ % 5 === 0) steps[1](x);
            return steps[0](x);
          };
        },
        /ran \d+ ops, then \d+|stands where|takes other inputs|changes from step to step/,
      ],
      [
        'shapes that depend on values',
        () => x => tf.sum(tf.unique(tf.reshape(x, [1])).values),
        /UniqueV2 .* shape depends on values/,
      ],
      [
        'a tensor that it keeps',
        () => x => {
          tf.keep(tf.mul(x, 2));
          return tf.mul(x, 3);
        },
        /keeps a tensor of shape \[\] beyond its end .*return it/,
      ],
      [
        'results in another order',
        () => {
          let call = 0;
          return x => (call++ % 2 ? {a: x, b: tf.neg(x)} : {b: tf.neg(x), a: x});
        },
        /it returns \{/,
      ],
      [
        'strings',
        () => x => tf.string.staticRegexReplace(tf.tensor(['a']), 'a', 'b') && tf.neg(x),
        /constant of TensorFlow's type 7/,
      ],
      ['complex numbers', () => x => tf.real(tf.complex(x, x)), /Complex gives a tensor of TensorFlow's type 8/],
    ])('%s', (_, make, reason) => {
      const step = captureStep(make(), {inputs: [SCALAR], onWarning});
      for (let i = 0; i < 4; i++) tf.tidy(() => void step(tf.scalar(i + 1)));
      expect(step.status.state).toBe('eager');
      expect(step.status.reason).toMatch(reason);
      expect(warnings).toHaveLength(1);
    });

    test('variables that it was not given', () => {
      const [given, other] = [weight(), weight()];
      const optimizer = tf.train.adam(0.1);
      const make = (changed: tf.Variable) =>
        captureStep(
          minimizing(() => optimizer, changed),
          {inputs: [SCALAR], variables: [given], onWarning},
        );
      const [refused, captured] = [make(other), make(given)];
      for (let i = 0; i < 3; i++) tf.tidy(() => void [refused(tf.scalar(1)), captured(tf.scalar(1))]);
      expect(refused.status.reason).toMatch(new RegExp(`changes the variable ${other.name}, which is not among`));
      expect(captured.status.state).toBe('captured');
      captured.dispose();
    });
  });

  test('called by another is recorded with it', () => {
    const status = twins(weight => {
      const [inner, outer] = [tf.train.sgd(0.1), tf.train.adam(0.1)];
      const first = captureStep(
        minimizing(() => inner, weight),
        {inputs: [SCALAR]},
      );
      const second = minimizing(() => outer, weight);
      for (let i = 0; i < 4; i++) tf.tidy(() => void first(tf.scalar(1)));
      expect(first.status.state).toBe('captured');
      return {
        step: x => {
          first(x);
          return second(x);
        },
      };
    }, 8);
    expect(status.state).toBe('captured');
  });

  test('warns that it has changed also after another warning', () => {
    let calls = 0;
    const step = captureStep((x: tf.Tensor) => tf.sum(tf.mul(x, calls++ < 40 ? 1 : 2)), {
      inputs: [{shape: [1], dtype: 'float32'}],
      onWarning,
    });
    for (let i = 0; i < 15; i++) tf.tidy(() => void step(tf.ones([1 + Math.floor(i / 3)])));
    expect(warnings).toHaveLength(1);
    calls = 40;
    for (let i = 0; i < 105; i++) tf.tidy(() => void step(tf.ones([1])));
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toMatch(/it is not the step that was captured/);
  });

  describe('that fails', () => {
    test('leaves all weights as they were, however they are changed', () => {
      const [a, b] = [tf.variable(tf.scalar(5)), tf.variable(tf.scalar(5))];
      const optimizer = tf.train.adagrad(0.1);
      const table = tf.ones([4]);
      const step = captureStep(
        (index: tf.Tensor) => {
          a.assign(tf.add(a, 1));
          optimizer.minimize(() => tf.sum<tf.Scalar>(tf.mul(b, tf.gatherND(table, index))), false, [b]);
        },
        {inputs: [{shape: [1, 1], dtype: 'int32'}], onWarning},
      );
      const run = (index: number) => tf.tidy(() => void step(tf.tensor2d([[index]], [1, 1], 'int32')));
      for (let i = 0; i < 5; i++) run(1);
      expect(step.status.state).toBe('captured');
      const before = [valueOf(a), valueOf(b)];
      expect(() => run(7)).toThrow(/captured step: GatherNd failed/);
      expect([valueOf(a), valueOf(b)]).toEqual(before);
      run(1);
      expect(valueOf(a)).toBe(before[0]! + 1);
      step.dispose();
    });

    test('after its update shows what the update left, as without capture', () => {
      const weight = tf.variable(tf.scalar(5));
      const optimizer = tf.train.sgd(1);
      const table = tf.ones([4]);
      const step = captureStep(
        (index: tf.Tensor) => {
          optimizer.minimize(() => tf.mul<tf.Scalar>(weight, 1), false, [weight]);
          return tf.mul(tf.gatherND(table, index), weight);
        },
        {inputs: [{shape: [1, 1], dtype: 'int32'}], onWarning},
      );
      const run = (index: number) => tf.tidy(() => valueOf(step(tf.tensor2d([[index]], [1, 1], 'int32'))));
      expect([run(1), run(1), run(1), run(1)]).toEqual([4, 3, 2, 1]);
      expect(() => run(7)).toThrow(/GatherNd/);
      const left = valueOf(weight);
      expect([0, 1]).toContain(left);
      expect(run(1)).toBe(left - 1);
      step.dispose();
    });

    test('while it is recorded throws its own error and is recorded again', () => {
      const optimizer = tf.train.sgd(1);
      const weight = tf.variable(tf.scalar(5));
      let broken = true;
      const usual = minimizing(() => optimizer, weight);
      const step = captureStep(
        (x: tf.Tensor) => {
          if (broken) throw new Error('not today');
          return usual(x);
        },
        {inputs: [SCALAR], onWarning},
      );
      const {numTensors} = tf.memory();
      const run = () => tf.tidy(() => void step(tf.scalar(1)));
      expect(run).toThrow('not today');
      expect(tf.memory().numTensors).toBe(numTensors);
      broken = false;
      for (let i = 0; i < 3; i++) run();
      expect(step.status.state).toBe('captured');
      expect(valueOf(weight)).toBe(2);
      step.dispose();
    });
  });

  test('goes on after another backend was active in between', async () => {
    const weight = tf.variable(tf.scalar(10));
    const optimizer = tf.train.sgd(1);
    const step = captureStep(
      minimizing(() => optimizer, weight),
      {inputs: [SCALAR], onWarning},
    );
    const run = () => tf.tidy(() => void step(tf.scalar(1)));
    for (let i = 0; i < 4; i++) run();
    await tf.setBackend('cpu');
    expect(valueOf(tf.add(weight, 0))).toBe(6);
    run();
    await tf.setBackend('tensorflow');
    for (let i = 0; i < 3; i++) run();
    expect(valueOf(weight)).toBe(2);
    expect(step.status.state).toBe('captured');
    step.dispose();
    expect(valueOf(weight)).toBe(2);
  });

  test('returns a tensor once where it is returned twice, and a variable as itself', () => {
    const weight = tf.variable(tf.scalar(2));
    const step = captureStep(
      (x: tf.Tensor) => {
        const product = tf.mul(x, weight);
        return {first: product, again: product, weight};
      },
      {inputs: [SCALAR]},
    );
    for (let i = 0; i < 4; i++) {
      const x = tf.scalar(i);
      const {numTensors} = tf.memory();
      const result = step(x);
      expect(result.again).toBe(result.first);
      expect(result.weight).toBe(weight);
      expect(tf.memory().numTensors).toBe(numTensors + 1);
      expect(valueOf(result.first)).toBe(2 * i);
      tf.dispose([result.first, x]);
    }
    expect(step.status.state).toBe('captured');
    step.dispose();
  });

  test('fetches its weights in one call, and only when somebody looks', () => {
    const weights = Array.from({length: 5}, (_, i) => tf.variable(tf.scalar(i)));
    const optimizer = tf.train.adam(0.1);
    const step = captureStep(
      (x: tf.Tensor) => {
        const loss = () => tf.addN<tf.Scalar>(weights.map(weight => tf.mul(weight, x)));
        return optimizer.minimize(loss, true, weights)!;
      },
      {inputs: [SCALAR]},
    );
    const run = () => tf.tidy(() => void step(tf.scalar(1)));
    for (let i = 0; i < 3; i++) run();
    const spy = jest.spyOn(StepSession.prototype, 'run');
    for (let i = 0; i < 3; i++) run();
    expect(spy).toHaveBeenCalledTimes(3);
    weights.forEach(weight => weight.dataSync());
    expect(spy).toHaveBeenCalledTimes(4);
    run();
    expect(spy).toHaveBeenCalledTimes(5);
    spy.mockRestore();
    step.dispose();
  });
});
