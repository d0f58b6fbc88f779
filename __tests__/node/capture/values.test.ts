import * as tf from '@tensorflow/tfjs';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {useProcessEnvironment} from '../../support/process-environment.js';

type Op = (x: tf.Tensor, y: tf.Tensor) => tf.Tensor;

const SPECIAL = [0, -0, 1, -1, 2, 0.5, -7.5, NaN, Infinity, -Infinity, 1e-40, -1e-45, 1e-20, 1e8, 1e20, 3e38, -3e38];
const NUMBERS = [0, 1, 2, 3, 0.5, -0.5, -1, -2, 1 / 3, 1e-40, 1e-20, 1e8, 1e20, 3e38, NaN, Infinity, -Infinity];

const filled = (x: tf.Tensor, value: number) => tf.tensor(Array<number>(x.size).fill(value), x.shape);
const asNumbers = (x: tf.Tensor) => tf.cast(x, 'float32');

/** Chains that TensorFlow's optimizers know a shorter way for. */
const CHAINS: Record<string, Op> = {
  'x - x': x => tf.sub(x, x),
  'x / x': x => tf.div(x, x),
  'x + y - x': (x, y) => tf.sub(tf.add(x, y), x),
  'x / sqrt(y)': (x, y) => tf.div(x, tf.sqrt(y)),
  'x - -y': (x, y) => tf.sub(x, tf.neg(y)),
  'x y + x z': (x, y) => tf.add(tf.mul(x, y), tf.mul(x, tf.reverse(y))),
  'the square of x - y': (x, y) => tf.square(tf.sub(x, y)),
  'log(softmax(x))': x => tf.log(tf.softmax(tf.reshape(x, [SPECIAL.length, -1]))),
  'the maximum of relu(x)': x => tf.max(tf.relu(tf.reshape(x, [SPECIAL.length, -1])), 1),
  'the minimum of exp(x)': x => tf.min(tf.exp(tf.reshape(x, [SPECIAL.length, -1])), 0),
  'x where it is positive': x => tf.mul(x, asNumbers(tf.greater(x, 0))),
  'the gradient of the power 1.5': x => tf.grad(z => tf.pow(z, 1.5))(x),
  'the gradient of the power 3': x => tf.grad(z => tf.pow(z, 3))(x),
  'x to the y': (x, y) => tf.pow(x, y),
};

const WITH_NUMBER: Record<string, (x: tf.Tensor, number: number) => tf.Tensor> = {
  'x to the number': (x, number) => tf.pow(x, number),
  'x to as many numbers': (x, number) => tf.pow(x, filled(x, number)),
  'x / number': (x, number) => tf.div(x, number),
  'number / x': (x, number) => tf.div(number, x),
  'x times number': (x, number) => tf.mul(x, number),
  'x times as many numbers': (x, number) => tf.mul(x, filled(x, number)),
  'x + number - number': (x, number) => tf.sub(tf.add(x, number), number),
  'x times number times 1e20': (x, number) => tf.mul(tf.mul(x, number), 1e20),
  'x / number times 1e-20': (x, number) => tf.mul(tf.div(x, number), 1e-20),
  'the maximum of x and number': (x, number) => tf.maximum(x, number),
};

/** TensorFlow rewrites graphs before it runs them: what it puts in place must be the same for every value. */
describeOnTensorFlow('a captured step gives values that are special as the step does', () => {
  // The options of a session reach TensorFlow that way.
  useProcessEnvironment();
  beforeAll(() => activateBackend(tensorFlow!));

  /** Each op in a step of its own, since TensorFlow shortens nothing whose parts are used elsewhere. */
  function expectSame(op: Op) {
    const pairs = SPECIAL.flatMap(x => SPECIAL.map(y => [x, y] as const));
    const [x, y] = [tf.tensor(pairs.map(([one]) => one)), tf.tensor(pairs.map(([, one]) => one))];
    const step = captureStep((x: tf.Tensor, y: tf.Tensor) => tf.tidy(() => op(x, y)), {inputs: [x, y]});
    const runs = Array.from({length: 3}, () => tf.tidy(() => [...step(x, y).dataSync()]));
    expect(step.status.state).toBe('captured');
    step.dispose();
    tf.dispose([x, y]);
    const [usual, , captured] = runs as [number[], number[], number[]];
    const same = (a: number, b: number) => Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-5 * Math.abs(b);
    const different = captured.flatMap((value, i) => (same(value, usual[i]!) ? [] : [[pairs[i], value, usual[i]]]));
    expect(different).toEqual([]);
  }

  test.each(Object.keys(CHAINS))('%s', name => expectSame(CHAINS[name]!));

  test.each(Object.keys(WITH_NUMBER))('%s', name => {
    for (const number of NUMBERS) expectSame(x => WITH_NUMBER[name]!(x, number));
  });

  test('the square root as a power, which is 0 for -0', () => {
    const step = captureStep((x: tf.Tensor) => tf.div(1, tf.pow(x, 0.5)), {inputs: [{shape: [2], dtype: 'float32'}]});
    const x = tf.tensor([-0, -Infinity]);
    for (let i = 0; i < 4; i++) expect([...tf.tidy(() => step(x)).dataSync()]).toEqual([Infinity, 0]);
    expect(step.status.state).toBe('captured');
    step.dispose();
  });
});
