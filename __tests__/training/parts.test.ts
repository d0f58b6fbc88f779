import * as tf from '@tensorflow/tfjs';
import type {Objective, Step, StepResult} from 'tfjs-ragan';
import {RelativisticAverageLoss, l1Loss, localAveraging, onePassStep, separatePassesStep, warmUpStep} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {overParts} from '../support/parts.js';
import {expectClose, valuesOf} from '../support/values.js';

/** Samples in each part. */
const PARTS = [1, 2, 5];

describeOnBackends('the parts of a batch', () => {
  const dense = (units: number, inputDim: number, seed: number) =>
    tf.layers.dense({
      units,
      inputDim,
      kernelInitializer: tf.initializers.glorotNormal({seed}),
      kernelRegularizer: tf.regularizers.l2({l2: 0.1}),
    });
  const networks = () => ({
    generator: tf.sequential({layers: [dense(3, 4, 1)]}),
    discriminator: tf.sequential({layers: [dense(8, 3, 2), tf.layers.leakyReLU(), dense(1, 8, 3)]}),
  });
  const objective: Objective = {
    loss: new RelativisticAverageLoss(),
    adversarialWeight: 0.3,
    generatorLosses: [{name: 'content', weight: 2, loss: l1Loss}],
    averaging: localAveraging,
  };
  const numbers = async (tensors: tf.NamedTensorMap) =>
    (await Promise.all(Object.values(tensors).map(valuesOf))).flat();
  const gradients = ({generatorGradients, discriminatorGradients}: StepResult) =>
    numbers({...generatorGradients, ...discriminatorGradients});

  test.each<[string, Step]>([
    ['one pass', onePassStep],
    ['separate passes', separatePassesStep],
    ['the warm-up', warmUpStep],
  ])('have gradients that sum to those of the whole, and its losses, in %s', async (_, step) => {
    const nets = networks();
    const size = PARTS.reduce((a, b) => a + b);
    const [xs, ys] = [tf.randomNormal([size, 4], 0, 1, 'float32', 4), tf.randomNormal([size, 3], 0, 1, 'float32', 5)];
    const whole = step(nets, objective, xs, ys);
    const [xsOf, ysOf] = [tf.split(xs, PARTS), tf.split(ys, PARTS)];
    const parts = overParts(PARTS.length, (part, averaging) =>
      step(nets, {...objective, averaging}, xsOf[part]!, ysOf[part]!),
    );
    const ofParts = await Promise.all(parts.map(gradients));
    const sum = ofParts[0]!.map((_, i) => ofParts.reduce((total, values) => total + values[i]!, 0));
    expectClose(sum, await gradients(whole), 1e-5);
    for (const part of parts) expectClose(await numbers(part.losses), await numbers(whole.losses), 1e-5);
  });
});
