import * as tf from '@tensorflow/tfjs';
import type {Step} from '../../src/index.js';
import {localAveraging, onePassStep, RelativisticAverageLoss, warmUpStep} from '../../src/index.js';
import {isPerSample} from '../../src/training/inspect-critic.js';
import {describeOnBackends} from '../support/backends.js';
import {batch, content, networks} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

describeOnBackends('a batch in lanes', () => {
  const steps: [string, Step][] = [
    ['one pass', onePassStep],
    ['warm-up', warmUpStep],
  ];

  test.each(steps)('has the losses and gradients of the whole (%s)', async (_, step) => {
    const pair = networks();
    const {xs, ys} = batch(7);
    const after = async (lanes?: number) => {
      const objective = {
        loss: new RelativisticAverageLoss(),
        adversarialWeight: 0.3,
        generatorLosses: [content],
        averaging: localAveraging,
        ...(lanes !== undefined && {lanes}),
      };
      const {losses, generatorGradients, discriminatorGradients} = step(pair, objective, xs, ys);
      const tensors = [losses, generatorGradients, discriminatorGradients].flatMap(one =>
        Object.values<tf.Tensor>(one),
      );
      const values = await Promise.all(tensors.map(valuesOf));
      tf.dispose(tensors);
      return values.flat();
    };
    const whole = await after();
    const {numTensors} = tf.memory();
    // Halves of 4 and 3; a lane for each sample, and no more.
    for (const lanes of [1, 2, 7, 20]) expectClose(await after(lanes), whole, 1e-6);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

test('networks that mix samples, or take a fixed number of them, have no lanes', () => {
  const dense = (config: Parameters<typeof tf.layers.dense>[0]) => tf.sequential({layers: [tf.layers.dense(config)]});
  expect(isPerSample(dense({units: 1, inputShape: [3]}))).toBe(true);
  expect(isPerSample(dense({units: 1, batchInputShape: [4, 3]}))).toBe(false);
  const normalised = dense({units: 1, inputShape: [3]});
  normalised.add(tf.layers.batchNormalization());
  expect(isPerSample(normalised)).toBe(false);
});
