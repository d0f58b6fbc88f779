import * as tf from '@tensorflow/tfjs';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {captureTwins} from '../../support/captured-twins.js';

/** Steps of which JavaScript decides from call to call what they do, by values that they name. */
describeOnTensorFlow('a captured step that depends on values', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const SCALAR = {shape: [], dtype: 'float32' as const};
  const valueOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;
  const minimizing = (optimizer: tf.Optimizer, weight: tf.Variable, loss: () => tf.Tensor) =>
    optimizer.minimize(() => tf.tidy(loss) as tf.Scalar, true, [weight])!;

  test('takes a penalty at every 4th call only, with one optimizer and its state', () => {
    const status = captureTwins(() => {
      const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.adam(0.01)];
      let withPenalty = false;
      const step = (x: tf.Tensor) =>
        minimizing(optimizer, weight, () => {
          const loss = tf.square(tf.mul(weight, x));
          return withPenalty ? tf.add(loss, tf.mul(3, tf.abs(weight))) : loss;
        });
      const between = (call: number) => void (withPenalty = call % 4 === 0);
      return {step, variables: [weight], between, options: {dependsOn: () => [withPenalty]}};
    }, 40);
    expect(status).toMatchObject({state: 'captured', graphs: 2, warnings: []});
  });

  test('takes another optimizer, or another function, and the one before again', () => {
    const status = captureTwins(() => {
      const weight = tf.variable(tf.scalar(2));
      const all = [tf.train.adam(0.01), tf.train.sgd(0.01), tf.train.momentum(0.01, 0.9)];
      const functions = [tf.square, tf.abs];
      let [optimizer, activation]: [tf.Optimizer, (x: tf.Tensor) => tf.Tensor] = [all[0]!, tf.square];
      const step = (x: tf.Tensor) => minimizing(optimizer, weight, () => activation(tf.mul(weight, x)));
      const between = (call: number) => {
        optimizer = all[Math.floor(call / 4) % 3]!;
        activation = functions[Math.floor(call / 12) % 2]!;
      };
      return {step, variables: [weight], between, options: {dependsOn: () => [optimizer, activation]}};
    }, 60);
    expect(status).toMatchObject({state: 'captured', graphs: 6, warnings: []});
  });

  test('tells all kinds of values apart', () => {
    const values = [0, -0, NaN, '0', null, undefined, true, 'true', {}, {}, [], 0n, ',', Symbol('a'), Symbol('a')];
    for (const [i, first] of values.entries()) {
      for (const second of values.slice(i + 1)) {
        let value: unknown = first;
        let factor = 1;
        const step = captureStep((x: tf.Tensor) => tf.mul(x, factor), {inputs: [SCALAR], dependsOn: () => [value]});
        const run = () => tf.tidy(() => valueOf(step(tf.scalar(3))));
        expect([run(), run()]).toEqual([3, 3]);
        [value, factor] = [second, 2];
        expect([run(), run()]).toEqual([6, 6]);
        expect(step.status).toMatchObject({state: 'captured', graphs: 2});
        step.dispose();
      }
    }
  });

  test('keeps the graphs of the values that came last, and frees the others', () => {
    const weight = tf.variable(tf.scalar(0));
    let value = 0;
    const step = captureStep((x: tf.Tensor) => tf.tidy(() => weight.assign(tf.add(weight, tf.mul(x, value)))), {
      inputs: [SCALAR],
      dependsOn: () => [value],
    });
    let expected = 0;
    const run = () => {
      tf.tidy(() => void step(tf.scalar(1)));
      expect(valueOf(weight)).toBe((expected += value));
    };
    for (value = 1; value <= 20; value++) for (let i = 0; i < 3; i++) run();
    expect(step.status.graphs).toBe(8);
    value = 1;
    for (let i = 0; i < 4; i++) run();
    expect(step.status.graphs).toBe(8);
    step.dispose();
    expect(valueOf(weight)).toBe(expected);
    expect(step.status.graphs).toBe(0);
  });

  test('warns once of what no combination can do', () => {
    const warnings: string[] = [];
    let value = 0;
    const step = captureStep(() => 3, {
      inputs: [],
      dependsOn: () => [value],
      onWarning: one => void warnings.push(one),
    });
    for (value = 0; value < 6; value++) for (let i = 0; i < 3; i++) step();
    expect(warnings).toHaveLength(1);
    expect(step.status).toMatchObject({state: 'eager', reason: expect.stringMatching(/returns the number/) as string});
  });

  test('warns once of values that never repeat, and not of ones that do', () => {
    const warningsOf = (valueAt: (call: number) => unknown) => {
      const warnings: string[] = [];
      let call = 0;
      const step = captureStep((x: tf.Tensor) => tf.mul(x, 2), {
        inputs: [SCALAR],
        dependsOn: () => ['fixed', valueAt(call)],
        onWarning: one => void warnings.push(one),
      });
      for (; call < 40; call++) expect(tf.tidy(() => valueOf(step(tf.scalar(3))))).toBe(6);
      step.dispose();
      return warnings;
    };
    const told =
      /^captureStep: for 32 calls in a row dependsOn .* value 1 changes, now number "32"\. Return what takes few/;
    expect(warningsOf(call => call)).toEqual([expect.stringMatching(told)]);
    expect(warningsOf(call => call % 9)).toHaveLength(1);
    expect(warningsOf(() => ({}))).toHaveLength(1);
    expect(warningsOf(call => call % 8)).toEqual([]);
    expect(warningsOf(call => (call % 30 === 29 ? call - 1 : call))).toEqual([]);
  });

  test('refuses values that come in no array', () => {
    const dependsOn = (() => 3) as unknown as () => unknown[];
    expect(() => captureStep(() => undefined, {inputs: [], dependsOn})).toThrow(
      'captureStep: dependsOn must return an array of values, but it returned number.',
    );
  });
});
