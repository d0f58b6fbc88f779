import * as tf from '@tensorflow/tfjs';
import {applyGradients} from '../../src/training/apply-gradients.js';
import {describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

describeOnBackends('applyGradients', () => {
  const shapes = [[3, 4], [5], [2, 1, 3]];
  const values = (seed: number) => shapes.map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', seed + i));
  const variables = () => tf.tidy(() => values(1).map(value => value.variable()));
  const gradients = (all: tf.Variable[], step: number) =>
    Object.fromEntries(values(10 * step).map((gradient, i) => [all[i]!.name, gradient]));

  test.each<[string, () => tf.Optimizer]>([
    ['adam', () => tf.train.adam(0.1, 0.8, 0.99, 1e-4)],
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
  ])("does %s's own update, keeps its state and leaks nothing", async (_, make) => {
    const [ours, theirs] = [variables(), variables()];
    const [optimizer, original] = [make(), make()];
    const step = (i: number) => {
      const [a, b] = [gradients(ours, i), gradients(theirs, i)];
      // The two take turns on one state.
      if (i === 3) optimizer.applyGradients(a);
      else applyGradients(optimizer, a);
      original.applyGradients(b);
      tf.dispose([a, b]);
    };
    step(1);
    const tensors = tf.memory().numTensors;
    for (let i = 2; i < 6; i++) step(i);
    expect(tf.memory().numTensors).toBe(tensors);
    for (const [i, variable] of ours.entries()) expectClose(await valuesOf(variable), await valuesOf(theirs[i]!));
    const state = async (one: tf.Optimizer) => (await one.getWeights()).map(({tensor}) => tensor);
    const [mine, its] = [await state(optimizer), await state(original)];
    for (const [i, tensor] of mine.entries()) expectClose(await valuesOf(tensor), await valuesOf(its[i]!));
    tf.dispose([ours, theirs, mine, its]);
  });
});
