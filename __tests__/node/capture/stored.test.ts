import * as tf from '@tensorflow/tfjs';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';

/** Steps that store what they make, for others to look at or for their own next call. */
describeOnTensorFlow('a captured step', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const SCALAR = {shape: [], dtype: 'float32' as const};
  const valueOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;

  /** A step that minimizes the square of a weight times x, and what it does with the loss. */
  const storing = (store: (loss: tf.Scalar) => void) => {
    const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.sgd(0.05)];
    return (x: tf.Tensor) => store(optimizer.minimize(() => tf.square<tf.Scalar>(tf.mul(weight, x)), true, [weight])!);
  };

  describe('that stores, and does not return,', () => {
    interface Storing {
      step: (x: tf.Tensor) => void;
      /** What is stored, read. */
      read: () => number;
    }
    const programs: Record<string, () => Storing> = {
      'its loss': () => {
        let stored: tf.Tensor;
        return {step: storing(loss => void (stored = loss)), read: () => valueOf(stored)};
      },
      'a clone of its loss': () => {
        let stored: tf.Tensor;
        const step = storing(loss => {
          stored = loss.clone();
          loss.dispose();
        });
        return {step, read: () => valueOf(stored)};
      },
      'its losses in a list': () => {
        const stored: tf.Tensor[] = [];
        return {step: storing(loss => void stored.push(loss)), read: () => valueOf(stored.at(-1)!) + stored.length};
      },
      'a variable of its loss': () => {
        let stored: tf.Variable;
        const step = storing(loss => {
          stored = tf.variable(loss);
          loss.dispose();
        });
        return {step, read: () => valueOf(stored)};
      },
      'one of several results of an op': () => {
        let stored: tf.Tensor;
        const step = (x: tf.Tensor) =>
          tf.tidy(() => {
            const [first, second] = tf.split(tf.stack([x, tf.neg(x)]), 2) as [tf.Tensor, tf.Tensor];
            stored = tf.keep(second);
            first.dispose();
          });
        return {step, read: () => valueOf(stored)};
      },
    };

    test.each(Object.entries(programs))('%s is not captured', (_, make) => {
      const warnings: string[] = [];
      const run = (captured: boolean) => {
        const {step: usual, read} = make();
        const step = captured
          ? captureStep(usual, {inputs: [SCALAR], onWarning: message => void warnings.push(message)})
          : usual;
        return [1, 2, 3, 4, 5].map(value => {
          const x = tf.scalar(value);
          step(x);
          x.dispose();
          return read();
        });
      };
      expect(run(true)).toEqual(run(false));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/return it|make them before the first step/);
    });

    test('what it uses besides says so where it is looked at after a later call', () => {
      let stored: tf.Tensor | undefined;
      const step = captureStep(
        (x: tf.Tensor) => {
          stored = tf.square(x);
          return tf.add(stored, 1);
        },
        {inputs: [SCALAR]},
      );
      const run = (value: number) => {
        const x = tf.scalar(value);
        const result = step(x);
        const sum = valueOf(result);
        tf.dispose([x, result]);
        return sum;
      };
      expect([run(1), valueOf(stored!)]).toEqual([2, 1]);
      expect([run(2), valueOf(stored!)]).toEqual([5, 4]);
      const {numTensors} = tf.memory();
      expect(run(3)).toBe(10);
      expect(step.status.state).toBe('captured');
      expect(() => valueOf(stored!)).toThrow(/made by an earlier call of a captured step.*return it from the step/);
      expect(() => tf.tidy(() => stored!.add(1))).toThrow(/return it from the step/);
      tf.dispose(stored);
      // What the recorded call left is freed.
      expect(tf.memory().numTensors).toBe(numTensors - 1);
      step.dispose();
    });

    test('an input says so too, and leaves the input of the earlier call as it is', () => {
      let stored: tf.Tensor | undefined;
      const step = captureStep(
        (x: tf.Tensor) => {
          stored = x;
          return tf.add(x, 1);
        },
        {inputs: [SCALAR]},
      );
      const inputs = [1, 2, 3].map(value => tf.scalar(value));
      expect(inputs.slice(0, 2).map(x => [valueOf(step(x)), valueOf(stored!)])).toEqual([
        [2, 1],
        [3, 2],
      ]);
      expect(valueOf(step(inputs[2]!))).toBe(4);
      expect(() => valueOf(stored!)).toThrow(/return it from the step/);
      tf.dispose(stored);
      expect(inputs.map(valueOf)).toEqual([1, 2, 3]);
      step.dispose();
    });
  });

  test('that leaves what it used, for want of a tidy, is captured', () => {
    const step = captureStep((x: tf.Tensor) => tf.add(tf.square(x), tf.sqrt(tf.abs(x))), {inputs: [SCALAR]});
    for (let i = 0; i < 4; i++) expect(valueOf(step(tf.scalar(4)))).toBe(18);
    expect(step.status.state).toBe('captured');
    step.dispose();
  });

  const forTheNextCall: Record<string, () => (x: tf.Tensor) => tf.Tensor> = {
    'all its inputs': () => {
      const all: tf.Tensor[] = [];
      return x => {
        all.push(x);
        return tf.tidy(() => tf.addN(all));
      };
    },
    'its last input': () => {
      let before: tf.Tensor | undefined;
      return x => {
        const result = tf.tidy(() => tf.sub(x, before ?? tf.scalar(0)));
        before = x;
        return result;
      };
    },
    'its last input, which it disposes of then': () => {
      let before: tf.Tensor | undefined;
      return x => {
        const result = tf.tidy(() => tf.sub(x, before ?? tf.scalar(0)));
        before?.dispose();
        before = x;
        return result;
      };
    },
    'its result': () => {
      let before: tf.Tensor = tf.scalar(1);
      return x => (before = tf.mul(before, x));
    },
  };
  test.each(Object.entries(forTheNextCall))('that stores %s for the next call gives what the step gives', (_, make) => {
    const run = (captured: boolean) => {
      const usual = make();
      const step = captured ? captureStep(usual, {inputs: [SCALAR], onWarning: () => undefined}) : usual;
      const inputs = [1, 2, 3, 4, 5].map(value => tf.scalar(value));
      const values = inputs.map(x => valueOf(step(x)));
      return {values, alive: inputs.map(({isDisposed}) => !isDisposed)};
    };
    expect(run(true)).toEqual(run(false));
  });

  test('that returns a tensor that it has disposed of runs as usual', () => {
    const warnings: string[] = [];
    const step = captureStep(
      (x: tf.Tensor) => {
        const result = tf.mul(x, 2);
        result.dispose();
        return result;
      },
      {inputs: [SCALAR], onWarning: message => void warnings.push(message)},
    );
    for (let i = 0; i < 4; i++) expect(tf.tidy(() => step(tf.scalar(1)).isDisposed)).toBe(true);
    expect(step.status).toMatchObject({state: 'eager', reason: expect.stringMatching(/has disposed of/) as string});
    expect(warnings).toHaveLength(1);
  });
});
