import * as tf from '@tensorflow/tfjs';
import type {CaptureOptions} from '../../../src/node/index.js';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {Dice} from '../../support/random-step.js';

const SCALAR = {shape: [], dtype: 'float32' as const};
const COUNT = 20_000;
const FUZZ = Number(process.env.TFJS_RAGAN_FUZZ ?? 16);

const valuesOf = (tensor: tf.Tensor) => [...tensor.dataSync()];
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const covariance = (a: number[], b: number[]) => {
  const [meanA, meanB] = [mean(a), mean(b)];
  return mean(a.map((value, i) => (value - meanA) * (b[i]! - meanB)));
};
const correlation = (a: number[], b: number[]) => covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b));

/** The values that a step returns, call by call, from the step of this number. */
function drawn(make: () => tf.Tensor | tf.Tensor[], calls: number, options: Partial<CaptureOptions> = {}, first = 0) {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const step = captureStep<[tf.Tensor], tf.Tensor | tf.Tensor[]>(make, {inputs: [SCALAR], onWarning, ...options});
  step.counter = first;
  let kinds: string[] = [];
  const values = Array.from({length: calls}, () =>
    tf.tidy(() => {
      const tensors = [step(tf.scalar(1))].flat();
      kinds = tensors.map(({dtype, shape}) => `${dtype} [${shape.join()}]`);
      return tensors.map(valuesOf);
    }),
  );
  const {state} = step.status;
  expect(step.counter).toBe(first + calls);
  step.dispose();
  return {values, kinds, state, warnings};
}

describeOnTensorFlow('random numbers in a captured step', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const layer = (made: tf.layers.Layer) => () => made.apply(tf.ones([COUNT / 10, 10]), {training: true}) as tf.Tensor;
  const uniformInteger = (min: number, max: number): [number, number] => [
    (min + max - 1) / 2,
    ((max - min) ** 2 - 1) / 12,
  ];

  // [name, step, mean, variance, least and largest value]
  const draws: [string, () => tf.Tensor, number, number, number, number][] = [
    ['randomNormal', () => tf.randomNormal([COUNT]), 0, 1, -7, 7],
    ['randomNormal, scaled and moved', () => tf.randomNormal([10, COUNT / 10], -3, 0.5), -3, 0.25, -7, 1],
    ['randomNormal of whole numbers', () => tf.randomNormal([COUNT], 0.25, 4, 'int32'), 0.25, 16 + 1 / 12, -30, 30],
    ['truncatedNormal', () => tf.truncatedNormal([COUNT], 1, 2), 1, 4 * 0.7737, -3, 5],
    ['randomUniform', () => tf.randomUniform([COUNT]), 0.5, 1 / 12, 0, 1],
    ['randomUniform, scaled and moved', () => tf.randomUniform([COUNT], -2, 4), 1, 3, -2, 4],
    ['randomUniform of whole numbers', () => tf.randomUniform([COUNT], 2, 7, 'int32'), ...uniformInteger(2, 7), 2, 6],
    ['randomUniformInt', () => tf.randomUniformInt([COUNT], 0, 3), ...uniformInteger(0, 3), 0, 2],
    ['dropout', () => tf.dropout(tf.ones([COUNT]), 0.3), 1, 0.3 / 0.7, 0, 1.43],
    ['a dropout layer', layer(tf.layers.dropout({rate: 0.5})), 1, 1, 0, 2],
    ['a layer of noise', layer(tf.layers.gaussianNoise({stddev: 0.5})), 1, 0.25, -3, 5],
    ['a layer of factors', layer(tf.layers.gaussianDropout({rate: 0.2})), 1, 0.25, -3, 5],
    ['alpha dropout', layer(tf.layers.alphaDropout({rate: 0.5})), 2.00159, 0.112884, 1.66, 2.34],
    ['randomStandardNormal', () => tf.randomStandardNormal([COUNT]), 0, 1, -7, 7],
  ];

  test.each(draws)('%s: as they are spread', (_, make, expected, variance, least, largest) => {
    const {values, state, warnings} = drawn(make, 6, {seed: 1});
    expect([state, warnings]).toEqual(['captured', []]);
    const calls = values.map(([one]) => one!);
    const all = calls.flat();
    // Five deviations of a mean of so many, and of a mean of squares of up to four times the variance of normal ones.
    expect(Math.abs(mean(all) - expected)).toBeLessThan(5 * Math.sqrt(variance / all.length));
    expect(Math.abs(covariance(all, all) / variance - 1)).toBeLessThan(5 * Math.sqrt(8 / all.length));
    expect(Math.min(...calls.map(one => Math.min(...one)))).toBeGreaterThanOrEqual(least);
    expect(Math.max(...calls.map(one => Math.max(...one)))).toBeLessThanOrEqual(largest);
    for (const [i, one] of calls.entries()) {
      for (const other of calls.slice(i + 1)) {
        expect(Math.abs(correlation(one, other))).toBeLessThan(5 / Math.sqrt(COUNT));
      }
    }
  });

  test('are spread as those of tfjs', () => {
    // The largest distance between the shares of values up to any value (Kolmogorov and Smirnov).
    const distance = (first: number[], second: number[]) => {
      const all = [first, second].flatMap((some, of) => some.map(value => ({value: Math.fround(value), of})));
      all.sort((a, b) => a.value - b.value);
      const shares = [0, 0];
      let largest = 0;
      all.forEach(({value, of}, i) => {
        shares[of]! += 1 / [first, second][of]!.length;
        if (value !== all[i + 1]?.value) largest = Math.max(largest, Math.abs(shares[0]! - shares[1]!));
      });
      return largest;
    };
    for (const [name, make] of draws) {
      const ours = drawn(make, 4, {seed: 3}).values.flat(2);
      const theirs = Array.from({length: 4}, () => tf.tidy(() => valuesOf(make()))).flat();
      // Equal spreads are so far apart in one of a million such tests.
      expect({name, near: distance(ours, theirs) < 2.7 * Math.sqrt(2 / ours.length)}).toEqual({name, near: true});
    }
  });

  test('of any op, shape and spread: two draws of a step differ, and a seed repeats them', () => {
    for (let seed = 1; seed <= FUZZ; seed++) {
      const dice = new Dice(seed);
      const shape = [200, ...Array.from({length: dice.below(4)}, () => 1 + dice.below(5))];
      const [middle, spread, rate] = [dice.below(9) - 4, 1 + dice.below(5), dice.pick([0.1, 0.5, 0.8])];
      const draw = dice.pick<() => tf.Tensor>([
        () => tf.randomNormal(shape, middle, spread),
        () => tf.randomNormal(shape, middle, spread, 'int32'),
        () => tf.truncatedNormal(shape, middle, spread),
        () => tf.randomUniform(shape, middle - spread, middle + spread),
        () => tf.randomUniform(shape, 0, 2 * spread, 'int32'),
        () => tf.mul(tf.dropout(tf.ones(shape), rate), middle),
        layer(tf.layers.gaussianNoise({stddev: spread})),
        layer(tf.layers.gaussianDropout({rate})),
      ]);
      const make = () => [draw(), tf.transpose(draw())];
      const run = drawn(make, 5, {seed});
      expect({seed, ...run}).toMatchObject({seed, state: 'captured', warnings: []});
      expect(run.kinds).toEqual(tf.tidy(() => make().map(({dtype, shape}) => `${dtype} [${shape.join()}]`)));
      const all = run.values.flat();
      if (mean(all[0]!) !== 0) expect(new Set(all.map(one => one.join())).size).toBe(all.length);
      expect(drawn(make, 5, {seed}).values).toEqual(run.values);
      const usual = tf.tidy(() => Array.from({length: 5}, make).flat().map(valuesOf));
      const [ours, theirs] = [all.flat(), usual.flat()];
      const deviation = Math.sqrt(covariance(theirs, theirs));
      // Five deviations of the difference of two means.
      expect(Math.abs(mean(ours) - mean(theirs))).toBeLessThanOrEqual(5 * deviation * Math.sqrt(2 / ours.length));
    }
  });

  test('are unrelated between two draws of a step, and between two seeds', () => {
    const make = () => [tf.randomNormal([COUNT]), tf.randomNormal([COUNT])];
    const runs = [1, 2].map(seed => drawn(make, 4, {seed}).values.flat());
    const all = runs.flat();
    for (const [i, one] of all.entries()) {
      for (const other of all.slice(i + 1))
        expect(Math.abs(correlation(one, other))).toBeLessThan(5 / Math.sqrt(COUNT));
    }
  });

  test('are the same for the same seed, go on from a counter, and are others without a seed', () => {
    const make = () => tf.dropout(tf.randomUniform([50]), 0.5);
    const whole = drawn(make, 8, {seed: 7}).values;
    expect(drawn(make, 8, {seed: 7}).values).toEqual(whole);
    expect(drawn(make, 5, {seed: 7}, 3).values).toEqual(whole.slice(3));
    expect(drawn(make, 8).values).not.toEqual(drawn(make, 8).values);
  });

  test('go on also where the step was checked', () => {
    const make = () => tf.randomNormal([3]);
    const whole = drawn(make, 120, {seed: 7});
    expect([whole.state, whole.warnings]).toEqual(['captured', []]);
    expect(drawn(make, 70, {seed: 7}, 50).values).toEqual(whole.values.slice(50));
  });

  test('of an op with a seed of its own stay the same', () => {
    for (const make of [
      () => tf.randomNormal([4], 0, 1, 'float32', 5),
      () => tf.randomUniform([4], 0, 1, 'float32', 0),
      () => tf.dropout(tf.ones([9]), 0.5, undefined, 5),
    ]) {
      const {values, state} = drawn(make, 5);
      expect(state).toBe('captured');
      for (const one of values) expect(one).toEqual([tf.tidy(() => valuesOf(make()))]);
    }
  });

  test('hide the same entries in both directions', () => {
    const weight = tf.variable(tf.range(0, 100));
    const optimizer = tf.train.sgd(1e-3);
    const step = captureStep<[tf.Tensor], tf.Tensor[]>(
      () =>
        tf.tidy(() => {
          const {value, grads} = tf.variableGrads(() => tf.sum(tf.dropout(weight, 0.5)), [weight]);
          const back = tf.sum(tf.mul(grads[weight.name]!, weight));
          optimizer.applyGradients(grads);
          return [value, back];
        }),
      {inputs: [SCALAR]},
    );
    for (let i = 0; i < 5; i++) {
      const [[forwards], [backwards]] = tf.tidy(() => step(tf.scalar(1)).map(valuesOf)) as [[number], [number]];
      expect(backwards / forwards).toBeCloseTo(1, 5);
    }
    expect(step.status.state).toBe('captured');
    step.dispose();
  });

  test('are seen in variables, in a graph for each of several values, and free what they take', () => {
    const noise = tf.variable(tf.zeros([50]));
    let scale = 1;
    const step = captureStep<[tf.Tensor], void>(
      () => tf.tidy(() => noise.assign(tf.mul(tf.randomNormal([50]), scale))),
      {
        inputs: [SCALAR],
        dependsOn: () => [scale],
        seed: 2,
      },
    );
    const seen = Array.from({length: 12}, (_, i) => {
      scale = 1 + (i % 2);
      const x = tf.scalar(1);
      const {numTensors} = tf.memory();
      step(x);
      expect(tf.memory().numTensors).toBe(numTensors);
      x.dispose();
      return valuesOf(noise).map(value => value / scale);
    });
    expect(step.status).toMatchObject({state: 'captured', graphs: 2});
    for (const [i, one] of seen.entries()) for (const other of seen.slice(i + 1)) expect(one).not.toEqual(other);
    step.dispose();
  });

  test('that are made otherwise are refused still', () => {
    for (const make of [
      () => tf.rand([3], () => Math.random()),
      () => tf.randomGamma([3], 2),
      () => tf.tensor([Math.random()]),
    ]) {
      const {state, warnings} = drawn(make, 4);
      expect([state, warnings.length]).toEqual(['eager', 1]);
      expect(warnings[0]).toMatch(/constant of shape \[\d\] made in JavaScript changes/);
    }
  });
});

describeOnBackends('a step with a seed', backend => {
  test('draws the same random numbers again', () => {
    const make = () => [tf.randomNormal([5]), tf.dropout(tf.ones([50]), 0.5)];
    const whole = drawn(make, 6, {seed: 3, onWarning: () => undefined}).values;
    expect(drawn(make, 6, {seed: 3, onWarning: () => undefined}).values).toEqual(whole);
    expect(drawn(make, 4, {seed: 3, onWarning: () => undefined}, 2).values).toEqual(whole.slice(2));
    expect(drawn(make, 1, {seed: 4, onWarning: () => undefined}).values).not.toEqual(whole.slice(0, 1));
    expect(new Set(whole.map(one => one.join())).size).toBe(6);
    if (backend !== tensorFlow) expect(Math.random.toString()).toMatch('native code');
  });

  test('refuses a seed or a counter that is no whole number', () => {
    const make = (seed: number) => captureStep((x: tf.Tensor) => x, {inputs: [SCALAR], seed});
    for (const bad of [-1, 0.5, NaN]) {
      expect(() => make(bad)).toThrow(/captureStep: seed must be a whole number of at least 0, but it is/);
      expect(() => (make(1).counter = bad)).toThrow(/captureStep: counter must be a whole number of at least 0/);
    }
  });
});
