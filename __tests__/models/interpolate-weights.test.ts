import * as tf from '@tensorflow/tfjs';
import {interpolateWeights} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {valuesOf} from '../support/values.js';

const layer = (units: number, kernel: number[]) => {
  const model = tf.sequential({layers: [tf.layers.dense({units, inputShape: [2], useBias: units === 1})]});
  model.setWeights(units === 1 ? [tf.tensor2d(kernel, [2, 1]), tf.tensor1d([8])] : [tf.tensor2d(kernel, [2, units])]);
  return model;
};

describeOnBackends('interpolateWeights', () => {
  test('moves the weights of the first by the share, and leaks nothing', async () => {
    const model = layer(1, [1, -2]);
    const other = layer(1, [5, 2]);
    const before = tf.memory().numTensors;
    interpolateWeights(model, other, 0.25);
    expect(tf.memory().numTensors).toBe(before);
    expect(await valuesOf(model.getWeights()[0]!)).toEqual([2, -1]);
    expect(await valuesOf(other.getWeights()[0]!)).toEqual([5, 2]);
    interpolateWeights(model, other, 1);
    expect(await valuesOf(model.getWeights()[0]!)).toEqual([5, 2]);
    interpolateWeights(model, layer(1, [7, 7]), 0);
    expect(await valuesOf(model.getWeights()[0]!)).toEqual([5, 2]);
  });

  test('refuses shares out of range, and other layers', () => {
    const model = layer(1, [1, -2]);
    for (const share of [-0.1, 1.1, NaN]) {
      expect(() => interpolateWeights(model, model, share)).toThrow(`share must be from 0 to 1, but it is ${share}`);
    }
    expect(() => interpolateWeights(model, layer(2, [1, 2, 3, 4]), 0.5)).toThrow('a model of the same layers');
  });
});
