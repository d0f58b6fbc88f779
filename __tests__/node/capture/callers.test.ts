import * as tf from '@tensorflow/tfjs';
import {StepSession} from '../../../src/node/capture/step-session.js';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';

/** What a captured step gives to those who call it in other ways than with fresh tensors, one call after the other. */
describeOnTensorFlow('a captured step', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const SCALAR = {shape: [], dtype: 'float32' as const};
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  beforeEach(() => void (warnings.length = 0));
  const valueOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;

  describe('called under a gradient tape', () => {
    const cube = () =>
      captureStep((x: tf.Tensor) => tf.tidy(() => tf.mul(tf.square(x), x)), {inputs: [SCALAR], onWarning});

    test('lets gradients through, before and after it is captured', () => {
      const step = cube();
      const gradient = (x: number) => tf.tidy(() => valueOf(tf.grad(x => step(x))(tf.scalar(x))));
      const value = (x: number) => tf.tidy(() => valueOf(step(tf.scalar(x))));
      expect(gradient(2)).toBeCloseTo(12);
      expect([1, 2, 3].map(value)).toEqual([1, 8, 27]);
      expect(step.status.state).toBe('captured');
      expect(gradient(2)).toBeCloseTo(12);
      expect(value(4)).toBe(64);
      step.dispose();
    });

    test('lets gradients of gradients through', () => {
      const step = cube();
      for (let i = 0; i < 3; i++) tf.tidy(() => void step(tf.scalar(i)));
      const second = tf.tidy(() => valueOf(tf.grad(x => tf.grad(x => step(x))(x))(tf.scalar(2))));
      expect(second).toBeCloseTo(12);
      step.dispose();
    });

    test('trains what minimize trains', () => {
      const [step, weight, optimizer] = [cube(), tf.variable(tf.scalar(2)), tf.train.sgd(0.1)];
      for (let i = 0; i < 3; i++) tf.tidy(() => void step(tf.scalar(i)));
      optimizer.minimize(() => step(weight) as tf.Scalar, false, [weight]);
      expect(valueOf(weight)).toBeCloseTo(2 - 0.1 * 12);
      step.dispose();
    });
  });

  describe('given a variable', () => {
    const made = (weight: tf.Variable) => {
      const optimizer = tf.train.sgd(0.1);
      return (w: tf.Tensor, x: tf.Tensor) =>
        optimizer.minimize(() => tf.square<tf.Scalar>(tf.mul(w, x)), true, [weight])!;
    };

    test('updates it', () => {
      const weights = [1, 2].map(() => tf.variable(tf.scalar(3)));
      const [ours, theirs] = weights as [tf.Variable, tf.Variable];
      const usual = made(theirs);
      const step = captureStep(made(ours), {inputs: [SCALAR, SCALAR], onWarning});
      for (let i = 0; i < 8; i++) {
        tf.tidy(() => {
          const x = tf.scalar(1 + (i % 2));
          expect(valueOf(step(ours, x))).toBeCloseTo(valueOf(usual(theirs, x)));
        });
        expect(valueOf(ours)).toBeCloseTo(valueOf(theirs));
      }
      expect(step.status).toMatchObject({state: 'captured', graphs: 1});
      expect(warnings).toEqual([]);
      step.dispose();
    });

    test('leaves it in the session from run to run', () => {
      const weight = tf.variable(tf.scalar(3));
      const step = captureStep(made(weight), {inputs: [SCALAR, SCALAR], onWarning});
      const run = () => tf.tidy(() => void step(weight, tf.scalar(1)));
      for (let i = 0; i < 4; i++) run();
      const spy = jest.spyOn(StepSession.prototype, 'run');
      for (let i = 0; i < 3; i++) run();
      expect(spy).toHaveBeenCalledTimes(3);
      spy.mockRestore();
      expect(valueOf(weight)).toBeCloseTo(3 * 0.8 ** 7);
      step.dispose();
    });

    test('or another, or a tensor, tells them apart', () => {
      const [a, b] = [tf.variable(tf.scalar(3)), tf.variable(tf.scalar(5))];
      const step = captureStep(
        (to: tf.Tensor, by: tf.Tensor) => {
          if (to instanceof tf.Variable) tf.tidy(() => to.assign(tf.add(to, by)));
          return tf.mul(to, 10);
        },
        {inputs: [SCALAR, SCALAR], onWarning},
      );
      const run = (to: tf.Tensor) => tf.tidy(() => valueOf(step(to, tf.scalar(1))));
      const expected = [40, 60, 70, 50, 70, 70, 60, 80, 70, 70, 90, 70];
      expect(expected.map((_, i) => run([a, b, tf.scalar(7)][i % 3]!))).toEqual(expected);
      expect(step.status).toMatchObject({state: 'captured', graphs: 3});
      expect([valueOf(a), valueOf(b)]).toEqual([7, 9]);
      step.dispose();
    });
  });
});
