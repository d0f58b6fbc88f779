import * as tf from '@tensorflow/tfjs';
import {setLearningRate} from '../../../src/index.js';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';

const warnings: string[] = [];
const onWarning = (message: string) => void warnings.push(message);
beforeEach(() => void (warnings.length = 0));

const SCALAR = {shape: [], dtype: 'float32' as const};
const INDEX = {shape: [1, 1], dtype: 'int32' as const};
const valueOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;
const call = (step: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) => {
  const result = step(x);
  const value = valueOf(result);
  tf.dispose([x, result]);
  return value;
};

/** What stops a step from being captured, or a graph from running, stops neither the step nor the next attempt. */
describeOnTensorFlow('a captured step goes on', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  /** Subtracts x from a weight, then returns the weight times an entry of a table of four ones. */
  function updatingThenFailing() {
    const [weight, table, optimizer] = [tf.variable(tf.scalar(10)), tf.ones([4]), tf.train.sgd(1)];
    const usual = (index: tf.Tensor) => {
      optimizer.minimize(() => tf.mul<tf.Scalar>(weight, 1), false, [weight]);
      return tf.tidy(() => tf.mul(tf.gatherND(table, index), weight));
    };
    const step = captureStep(usual, {inputs: [INDEX], onWarning});
    const run = (index: number) => call(step, tf.tensor2d([[index]], [1, 1], 'int32'));
    return {weight, step, run};
  }

  test('after a first run that failed: its update counts once, and the graph stays', () => {
    const {weight, step, run} = updatingThenFailing();
    expect([run(1), run(1)]).toEqual([9, 8]);
    expect(step.status.state).toBe('captured');
    for (const left of [7, 6]) {
      expect(() => run(9)).toThrow(/GatherNd|index/i);
      expect(valueOf(weight)).toBe(left); // as when it runs as usual: updated, then failed
    }
    expect([run(1), run(1)]).toEqual([5, 4]);
    expect([step.status.state, warnings]).toEqual(['captured', []]);
    step.dispose();
    expect(valueOf(weight)).toBe(4);
  });

  test('after a batch that makes an integer division fail, whenever it comes', () => {
    for (const bad of [0, 1, 2, 3, 4]) {
      const sum = tf.variable(tf.scalar(0));
      const step = captureStep(
        (x: tf.Tensor) =>
          tf.tidy(() => {
            sum.assign(tf.add(sum, tf.cast(tf.floorDiv(tf.scalar(12, 'int32'), x), 'float32')));
            return sum.clone();
          }),
        {inputs: [{shape: [], dtype: 'int32'}], onWarning},
      );
      let expected = 0;
      for (let i = 0; i < 8; i++) {
        const run = () => call(step, tf.scalar(i === bad ? 0 : 3, 'int32'));
        if (i === bad) expect(run).toThrow(/zero/);
        else expect(run()).toBe((expected += 4));
      }
      expect([step.status.state, warnings]).toEqual(['captured', []]);
      step.dispose();
    }
  });

  test('for other shapes where one is refused', () => {
    const weight = tf.variable(tf.scalar(1));
    const step = captureStep(
      (x: tf.Tensor) => tf.tidy(() => tf.sum(tf.mul(x, x.size === 3 ? Math.random() + 1 : weight))),
      {inputs: [{shape: [2], dtype: 'float32'}], onWarning},
    );
    for (let i = 0; i < 4; i++) call(step, tf.ones([3]));
    expect(step.status.state).toBe('eager');
    for (let i = 0; i < 4; i++) expect(call(step, tf.ones([2]))).toBe(2);
    expect(step.status).toMatchObject({state: 'captured', graphs: 1});
    expect(step.status.reason).toMatch(/constant .* changes/);
    expect(warnings).toHaveLength(1);
    step.dispose();
  });

  test('without a warning for each shape where all are refused', () => {
    const step = captureStep((x: tf.Tensor) => tf.add(x, tf.rand(x.shape, Math.random)), {
      inputs: [{shape: [2], dtype: 'float32'}],
      onWarning,
    });
    for (let size = 1; size < 40; size++) for (let i = 0; i < 3; i++) call(step, tf.ones([size]));
    expect([step.status.state, warnings.length]).toEqual(['eager', 4]);
    step.dispose();
  });

  test('and is captured once it no longer changes', () => {
    let calls = 0;
    const step = captureStep((x: tf.Tensor) => tf.mul(x, Math.min(++calls, 50)), {inputs: [SCALAR], onWarning});
    for (let i = 1; i <= 101; i++) expect(call(step, tf.scalar(1))).toBe(Math.min(i, 50));
    expect(step.status.state).toBe('eager');
    for (let i = 0; i < 10; i++) expect(call(step, tf.scalar(2))).toBe(100);
    expect(step.status).toMatchObject({state: 'captured', graphs: 1});
    expect(step.status.reason).toBeUndefined();
    expect(warnings).toHaveLength(1);
    step.dispose();
  });

  test('and is captured anew when it has changed, once it did the same eight times', () => {
    let factor = 1;
    const step = captureStep((x: tf.Tensor) => tf.mul(x, factor), {inputs: [SCALAR], onWarning});
    const run = () => call(step, tf.scalar(1));
    for (let i = 0; i < 10; i++) run();
    factor = 3;
    for (let i = 0; i < 100; i++) run();
    expect([step.status.state, warnings.length]).toEqual(['eager', 1]);
    for (let i = 0; i < 8; i++) expect(run()).toBe(3);
    expect(step.status).toMatchObject({state: 'captured', graphs: 1});
    for (let i = 0; i < 150; i++) expect(run()).toBe(3);
    step.dispose();
  });

  test('but is not captured anew where a branch is taken every eighth time', () => {
    // Counts the calls that run as usual: the first eight of the check have one that is not like the others.
    let calls = 1;
    const expected = (i: number) => (i % 8 === 0 ? 2 : 1);
    const step = captureStep((x: tf.Tensor) => tf.mul(x, expected(calls++)), {inputs: [SCALAR], onWarning});
    for (let i = 0; i < 111; i++) call(step, tf.scalar(1));
    expect(step.status.state).toBe('eager');
    const first = calls;
    for (let i = 0; i < 300; i++) expect(call(step, tf.scalar(1))).toBe(expected(first + i));
    expect(step.status.state).toBe('eager');
    step.dispose();
  });

  test('after two changes in a row of a setting that a graph freezes', () => {
    const run = (captured: boolean) => {
      const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.adagrad(0.1)];
      const usual = (x: tf.Tensor) => optimizer.minimize(() => tf.mul<tf.Scalar>(weight, x), true, [weight])!;
      const step = captured ? captureStep(usual, {inputs: [SCALAR], onWarning}) : usual;
      for (let i = 0; i < 120; i++) {
        if (i === 10 || i === 11) setLearningRate(optimizer, i / 50);
        call(step, tf.scalar(1 + (i % 3)));
      }
      return {value: valueOf(weight), step: step as ReturnType<typeof captureStep>};
    };
    const [ours, theirs] = [run(true), run(false)];
    expect(ours.value).toBeCloseTo(theirs.value, 4);
    expect(ours.step.status.state).toBe('captured');
    ours.step.dispose();
  });

  test('where its optimizers are changed between its first calls', async () => {
    const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.adagrad(0.1)];
    const usual = (x: tf.Tensor) => optimizer.minimize(() => tf.mul<tf.Scalar>(weight, x), true, [weight])!;
    const step = captureStep(usual, {inputs: [SCALAR], onWarning});
    for (let i = 0; i < 8; i++) {
      call(step, tf.scalar(1));
      if (i < 3) await optimizer.setWeights(await optimizer.getWeights());
      if (i === 4) setLearningRate(optimizer, 0.2);
    }
    expect([step.status.state, warnings]).toEqual(['captured', []]);
    step.dispose();
  });

  test('where an optimizer first meets a variable without a gradient', () => {
    const [first, second, optimizer] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2)), tf.train.adam(0.1)];
    const minimize = (used: tf.Variable, x: tf.Tensor) =>
      optimizer.minimize(() => tf.mul<tf.Scalar>(used, x), true, [first, second])!;
    const step = captureStep(
      (x: tf.Tensor) => {
        second.assign(tf.scalar(3));
        minimize(first, x).dispose();
        return minimize(second, x);
      },
      {inputs: [SCALAR], onWarning},
    );
    for (let i = 0; i < 4; i++) call(step, tf.scalar(1));
    expect([step.status.state, warnings]).toEqual(['captured', []]);
    step.dispose();
  });

  test('but not where they change before every call, after some of them', () => {
    const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.adagrad(0.1)];
    const usual = (x: tf.Tensor) => optimizer.minimize(() => tf.mul<tf.Scalar>(weight, x), true, [weight])!;
    const step = captureStep(usual, {inputs: [SCALAR], onWarning});
    for (let i = 1; i < 14; i++) {
      setLearningRate(optimizer, 0.1 / i);
      call(step, tf.scalar(1));
    }
    expect([step.status.state, warnings.length]).toEqual(['eager', 1]);
    step.dispose();
  });
});

describeOnBackends('a captured step, made', backend => {
  const weight = () => tf.variable(tf.scalar(10));
  const make = (variable: tf.Variable) =>
    captureStep(
      (x: tf.Tensor) =>
        tf.tidy(() => {
          variable.assign(tf.sub(variable, x));
          return variable.clone();
        }),
      {inputs: [SCALAR], onWarning},
    );
  const isTensorFlow = backend === tensorFlow;
  beforeEach(() => activateBackend(backend));

  test('on this backend runs, captured or as usual, and says which', () => {
    const step = make(weight());
    const {numTensors} = tf.memory();
    for (let i = 1; i <= 5; i++) expect(call(step, tf.scalar(1))).toBe(10 - i);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(() => step(tf.scalar(1, 'int32'))).toThrow(/takes tensors \(float32\), but it was given \(int32\)/);
    expect(step.status.state).toBe(isTensorFlow ? 'captured' : 'eager');
    if (!isTensorFlow) {
      expect(step.status.reason).toMatch(`the active backend is ${backend}, and steps are captured on TensorFlow`);
      expect(warnings).toEqual([expect.stringContaining(step.status.reason!)]);
    }
    step.dispose();
    expect(call(step, tf.scalar(1))).toBe(4);
    step.dispose();
  });

  if (isTensorFlow) {
    test('on another is captured once TensorFlow is active', async () => {
      await tf.setBackend('cpu');
      const step = make(weight());
      expect(call(step, tf.scalar(1))).toBe(9);
      expect([step.status.state, warnings.length]).toEqual(['eager', 1]);
      await tf.setBackend('tensorflow');
      for (let i = 1; i <= 4; i++) expect(call(step, tf.scalar(1))).toBe(9 - i);
      expect(step.status.state).toBe('captured');
      expect(step.status.reason).toBeUndefined();
      step.dispose();
    });
  }
});
