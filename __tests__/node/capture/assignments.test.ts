import * as tf from '@tensorflow/tfjs';
import {seededRandom} from '../../../src/seeded-random.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import type {Twin} from '../../support/captured-twins.js';
import {captureTwins} from '../../support/captured-twins.js';

/** Steps in which assignments and updates of the same variables alternate. */
describeOnTensorFlow('a captured step assigns', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const variables = (...values: number[]) => values.map(value => tf.variable(tf.scalar(value)));
  const pair = () => variables(1, 2) as [tf.Variable, tf.Variable];
  /** Towards zero of the square of the weight times x. */
  const minimizing = (optimizer: tf.Optimizer, weight: tf.Variable, x: tf.Tensor) =>
    optimizer.minimize(() => tf.square<tf.Scalar>(tf.mul(weight, x)), true, [weight])!;
  const assign = (variable: tf.Variable, value: () => tf.Tensor) => tf.tidy(() => variable.assign(value()));

  const optimizers: [string, () => tf.Optimizer][] = [
    ['sgd', () => tf.train.sgd(0.05)],
    ['momentum', () => tf.train.momentum(0.02, 0.9)],
    ['rmsprop', () => tf.train.rmsprop(0.01)],
    ['adam', () => tf.train.adam(0.1)],
    ['adagrad', () => tf.train.adagrad(0.1)],
  ];

  const programs: Record<string, (optimizer: () => tf.Optimizer) => Twin> = {
    'a variable from another before its update': make => {
      const [[slow, fast], optimizer] = [pair(), make()];
      const step = (x: tf.Tensor) => {
        fast.assign(slow);
        return minimizing(optimizer, fast, x);
      };
      return {step, variables: [slow, fast]};
    },
    'a result before its update': make => {
      const [[weight], optimizer] = [pair(), make()];
      const step = (x: tf.Tensor) => {
        assign(weight, () => tf.mul(weight, 0.9));
        return minimizing(optimizer, weight, x);
      };
      return {step, variables: [weight]};
    },
    'swapped variables, with an update of each': make => {
      const [[a, b], first, second] = [pair(), make(), make()];
      const step = (x: tf.Tensor) => {
        tf.tidy(() => {
          const old = a.clone();
          a.assign(b);
          b.assign(old);
        });
        minimizing(first, a, x).dispose();
        return minimizing(second, b, x);
      };
      return {step, variables: [a, b]};
    },
    lookahead: make => {
      const [[slow, fast], optimizer] = [pair(), make()];
      const step = (x: tf.Tensor) => {
        const loss = minimizing(optimizer, fast, x);
        assign(slow, () => tf.add(slow, tf.mul(0.5, tf.sub(fast, slow))));
        fast.assign(slow);
        return loss;
      };
      return {step, variables: [slow, fast]};
    },
    'a moving average that is copied back before the update and after': make => {
      const [[average, weight], optimizer] = [pair(), make()];
      const step = (x: tf.Tensor) => {
        weight.assign(average);
        minimizing(optimizer, weight, x).dispose();
        assign(average, () => tf.add(tf.mul(average, 0.8), tf.mul(weight, 0.2)));
        weight.assign(average);
        return minimizing(optimizer, weight, x);
      };
      return {step, variables: [average, weight]};
    },
    'between two updates, and an input at the end': make => {
      const [[a, b], optimizer] = [pair(), make()];
      const step = (x: tf.Tensor) => {
        minimizing(optimizer, a, x).dispose();
        a.assign(b);
        const loss = minimizing(optimizer, a, x);
        b.assign(x);
        return loss;
      };
      return {step, variables: [a, b]};
    },
    'the state of its optimizer': make => {
      const [[a, b], optimizer] = [pair(), make()];
      const own = () =>
        Object.values(optimizer)
          .flat()
          .map(one => (one instanceof tf.Tensor ? one : (one as {variable?: unknown} | null)?.variable))
          .filter((one): one is tf.Variable => one instanceof tf.Variable);
      const step = (x: tf.Tensor) => {
        for (const variable of own()) assign(variable, () => tf.mul(variable, 0.5));
        return minimizing(optimizer, a, x);
      };
      tf.tidy(() => void step(tf.scalar(1)));
      return {step, variables: [a, b]};
    },
  };

  describe.each(Object.entries(programs))('%s', (_, make) => {
    test.each(optimizers)('with %s', (_, optimizer) => {
      expect(captureTwins(() => make(optimizer), 12)).toMatchObject({state: 'captured', warnings: []});
    });
  });

  test('and updates in any order', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const program = () => {
        const random = seededRandom(seed);
        const below = (count: number) => Math.floor(random() * count);
        const all = variables(1, 2, 3);
        const made = optimizers.map(([, optimizer]) => optimizer());
        const actions = Array.from({length: 6}, (): ((x: tf.Tensor) => void) => {
          const [a, b, c] = [all[below(3)]!, all[below(3)]!, all[below(3)]!];
          const optimizer = made[below(made.length)]!;
          const kinds = [
            () => a !== b && a.assign(b),
            () => assign(a, () => tf.sub(tf.mul(b, 0.5), tf.mul(c, 0.25))),
            (x: tf.Tensor) => minimizing(optimizer, a, x).dispose(),
            (x: tf.Tensor) => minimizing(optimizer, b, x).dispose(),
          ];
          return kinds[below(kinds.length)]!;
        });
        const step = (x: tf.Tensor) => {
          for (const action of actions) action(x);
          return tf.tidy(() => tf.addN(all));
        };
        return {step, variables: all};
      };
      expect({seed, ...captureTwins(program, 6)}).toMatchObject({state: 'captured', warnings: []});
    }
  });
});
