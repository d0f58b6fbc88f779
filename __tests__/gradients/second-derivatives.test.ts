import * as tf from '@tensorflow/tfjs';
import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {registerGradients} from '../../src/gradients/register.js';
import {captureStep} from '../../src/node/index.js';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import type {TensorFlow} from '../support/float64.js';
import {loadFloat64} from '../support/float64.js';
import {expectClose, valuesOf} from '../support/values.js';
import type {Case, Input} from './operations.js';
import {CUSTOM, KERNELS, OF_GRADIENTS} from './operations.js';

/** Numbers that look random and are the same each time, in [0, 1). */
const noise = (seed: number) => (i: number) => (((i + 1) * 0.6180339887 + seed * 0.7548776662) * 7.3) % 1;

/** Values all different, spread over the range in no order. */
function spread({shape, from = -1, to = 1}: Input, seed: number): number[] {
  const count = shape.reduce((a, b) => a * b, 1);
  const order = Array.from({length: count}, (_, i) => i).sort((a, b) => noise(seed)(a) - noise(seed)(b));
  return order.map((place, i) => Math.fround(from + ((to - from) * (place + 0.3 + 0.4 * noise(seed + 9)(i))) / count));
}

/** Weights that single out no entry: a tensor of these, as the float64 copy or a backend has it. */
function weights(engine: TensorFlow, shape: number[], seed: number): tf.Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return engine.tensor(
    Array.from({length: count}, (_, i) => Math.fround(noise(seed)(i) - 0.4)),
    shape,
  );
}

/** A scalar that depends on the operation's result in more than a linear way. */
function alone(engine: TensorFlow, {run}: Case, inputs: tf.Tensor[]): tf.Tensor {
  const y = engine.cast(run(engine, ...inputs), 'float32');
  return engine.sum(engine.mul(weights(engine, y.shape, 1), engine.add(y, engine.div(engine.square(y), 2))));
}

/** One that the inputs enter by another path too. */
function withAnotherPath(engine: TensorFlow, one: Case, inputs: tf.Tensor[]): tf.Tensor {
  const terms = inputs.map((x, i) =>
    engine.sum(engine.mul(weights(engine, x.shape, 2 + i), engine.add(x, engine.mul(engine.square(x), x)))),
  );
  const others = terms.reduce((sum, term) => engine.add(sum, term));
  return engine.add(engine.mul(engine.add(alone(engine, one, inputs), 1), others), others);
}

type Scalar = typeof alone;
const directionSeed = 20;

/** The derivative of `scalar`'s slope along a direction, by each entry of each input: mixed differences of float64 values. */
function differences(float64: TensorFlow, one: Case, scalar: Scalar, values: number[][], step = 2e-4): number[] {
  const directions = one.inputs.map(({shape}, i) => Array.from(weights(float64, shape, directionSeed + i).dataSync()));
  const at = (along: number, input: number, entry: number, move: number) =>
    float64.tidy(() => {
      const inputs = values.map((own, i) => {
        const moved = own.map((v, j) => v + along * directions[i]![j]! + (i === input && j === entry ? move : 0));
        return float64.tensor(moved, one.inputs[i]!.shape);
      });
      return scalar(float64, one, inputs).dataSync()[0]!;
    });
  return values.flatMap((own, i) =>
    own.map((_, j) => {
      const slope = (move: number) => at(step, i, j, move) - at(-step, i, j, move);
      return (slope(step) - slope(-step)) / (4 * step * step);
    }),
  );
}

/** The same by two backward passes of the active backend. */
function secondGradients(one: Case, scalar: Scalar, inputs: tf.Tensor[]): tf.Tensor {
  const slope = (...inputs: tf.Tensor[]) => {
    const gradients = tf.grads((...xs: tf.Tensor[]) => scalar(tf, one, xs))(inputs);
    return tf.addN(gradients.map((g, i) => g.mul(weights(tf, g.shape, directionSeed + i)).sum()));
  };
  return tf.tidy(() =>
    tf.concat(
      tf
        .grads(slope)(inputs)
        .map(gradient => gradient.flatten()),
    ),
  );
}

const tensorsOf = (one: Case, values: number[][]) => values.map((own, i) => tf.tensor(own, one.inputs[i]!.shape));

async function byGradients(one: Case, scalar: Scalar, values: number[][]): Promise<number[]> {
  const before = tf.memory().numTensors;
  const result = tf.tidy(() => secondGradients(one, scalar, tensorsOf(one, values)));
  const actual = await valuesOf(result);
  result.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return actual;
}

const scalars: [string, Scalar][] = [
  ['alone', alone],
  ['with another path', withAnotherPath],
];
const cases = Object.entries({...KERNELS, ...CUSTOM}).flatMap(([name, all]) =>
  all.map((one, i) => ({name: all.length > 1 ? `${name} (${i + 1})` : name, one})),
);

describeOnBackends('second derivatives of every operation', backend => {
  let float64: TensorFlow;
  beforeAll(() => (float64 = loadFloat64()));

  describe.each(cases)('$name', ({one}) => {
    const values = one.inputs.map(spread);
    test.each(one.step ? scalars.slice(1) : scalars)('%s', async (_, scalar) => {
      if (one.lackedBy?.includes(backend)) {
        await expect(byGradients(one, scalar, values)).rejects.toThrow(/kernel/i);
      } else if (one.refused) {
        await expect(byGradients(one, scalar, values)).rejects.toThrow(one.refused);
      } else {
        const expected = differences(float64, one, scalar, values);
        // WebGPU allows a division and a root errors of some units in the last place.
        expectClose(await byGradients(one, scalar, values), expected, backend === 'webgpu' ? 1e-4 : 2e-5);
      }
    });
  });
});

describeOnTensorFlow('second derivatives in captured steps', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  test.each(cases.filter(({one}) => !one.refused))('$name', async ({one}) => {
    const values = one.inputs.map(spread);
    const inputs = tensorsOf(one, values);
    const step = captureStep((...xs: tf.Tensor[]) => secondGradients(one, withAnotherPath, xs), {inputs});
    // The first two calls record.
    const results = Array.from({length: 3}, () => step(...inputs));
    expect(step.status.state).toBe('captured');
    expectClose(await valuesOf(results[2]!), await byGradients(one, withAnotherPath, values));
    tf.dispose([inputs, results]);
    step.dispose();
  });
});

describeOnBackends('the squared gradient norm of softmax(x) . [1, -2, 3]', () => {
  test.each([
    ['softmax', (x: tf.Tensor) => tf.softmax(x)],
    ['the exponential of logSoftmax', (x: tf.Tensor) => tf.exp(tf.logSoftmax(x))],
  ])('has its gradient by %s', async (_, softmax) => {
    const norm = (x: tf.Tensor) =>
      tf.sum<tf.Scalar>(tf.square(tf.grad((z: tf.Tensor) => tf.sum(tf.mul(softmax(z), [1, -2, 3])))(x)));
    const actual = await valuesOf(tf.grad(norm)(tf.tensor1d([0.1, 0.2, 0.3])));
    expectClose(actual, [-0.9077, 0.6905, 0.2172], 1e-4);
  });
});

describe('the operations tested', () => {
  test('are all that have a gradient in the registry', () => {
    registerGradients();
    const registry = (globalThis as unknown as {_tfGlobals: Map<string, Map<string, unknown>>})._tfGlobals;
    const registered = [...registry.get('gradRegistry')!.keys()].sort();
    expect(registered).toEqual([...Object.keys(KERNELS), ...Object.keys(OF_GRADIENTS)].sort());
  });

  test('are all that have a gradient of their own', () => {
    const folder = join(dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist/ops');
    const files = readdirSync(folder, {recursive: true, encoding: 'utf8'});
    const custom = files
      .filter(file => file.endsWith('.js') && !file.endsWith('_test.js'))
      .filter(file => readFileSync(join(folder, file), 'utf8').includes('customGrad('))
      .map(file => file.slice(0, -'.js'.length).replaceAll('\\', '/'));
    expect(custom.sort()).toEqual(Object.keys(CUSTOM).sort());
  });

  test('are those that docs/gradients.md lists', () => {
    const document = readFileSync(join(__dirname, '../../docs/gradients.md'), 'utf8');
    const listed = (heading: string) => {
      const section = document.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
      return [...section.matchAll(/`([^`]+)`/g)].map(([, name]) => name!).sort();
    };
    const named = (all: Record<string, Case[]>, which: (one: Case) => boolean) =>
      Object.keys(all).filter(name => all[name]!.some(which));
    const right = (one: Case) => !one.step && !one.refused;
    expect(listed('Right to second order')).toEqual([...named(KERNELS, right), ...named(CUSTOM, right)].sort());
    expect(listed('Step functions')).toEqual(named(KERNELS, one => one.step === true).sort());
    expect(listed('Refused')).toEqual(named(KERNELS, one => one.refused !== undefined).sort());
  });
});
