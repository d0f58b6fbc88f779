import * as tf from '@tensorflow/tfjs';
import {GAN, l1Loss} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

const RATE = 0.1;
const L2 = 0.05;

describeOnBackends("a layer's regularizer", () => {
  const dense = (units: number, inputDim: number, seed: number, l2: number) =>
    tf.layers.dense({
      units,
      inputDim,
      useBias: false,
      kernelInitializer: tf.initializers.glorotNormal({seed}),
      ...(l2 > 0 && {kernelRegularizer: tf.regularizers.l2({l2})}),
    });
  const build = (l2: number) =>
    new GAN({
      generator: tf.sequential({layers: [dense(3, 4, 1, l2)]}),
      // One model within another.
      discriminator: tf.sequential({layers: [tf.sequential({layers: [dense(1, 3, 2, l2)]})]}),
    });
  const weights = async ({generator, discriminator}: GAN) =>
    (await Promise.all([...generator.getWeights(), ...discriminator.getWeights()].map(valuesOf))).flat();

  test.each(['one', 'separate'] as const)("adds to its network's objective, as in Keras (%s)", async passes => {
    const train = async (l2: number) => {
      const gan = build(l2);
      gan.compile({
        generatorOptimizer: tf.train.sgd(RATE),
        discriminatorOptimizer: tf.train.sgd(RATE),
        generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
        passes,
      });
      await gan.trainOnBatch(tf.randomNormal([6, 4], 0, 1, 'float32', 3), tf.randomNormal([6, 3], 0, 1, 'float32', 4));
      return weights(gan);
    };
    const [initial, free, regularized] = [await weights(build(0)), await train(0), await train(L2)];
    // The gradient of L2 * w^2 is 2 * L2 * w.
    expectClose(
      regularized,
      free.map((value, i) => value - RATE * 2 * L2 * initial[i]!),
    );
  });
});
