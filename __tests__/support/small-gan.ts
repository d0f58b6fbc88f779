import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from 'tfjs-ragan';
import {GAN, l1Loss} from 'tfjs-ragan';

/** A generator loss. */
export const content = {name: 'content', weight: 1, loss: l1Loss};
/** Two small dense networks, the same every time. */
export const networks = () => ({
  generator: tf.sequential({
    layers: [
      tf.layers.dense({
        units: 3,
        inputShape: [4],
        activation: 'tanh',
        kernelInitializer: tf.initializers.glorotNormal({seed: 1}),
      }),
    ],
  }),
  discriminator: tf.sequential({
    layers: [
      tf.layers.dense({units: 8, inputShape: [3], kernelInitializer: tf.initializers.glorotNormal({seed: 2})}),
      tf.layers.leakyReLU({alpha: 0.2}),
      tf.layers.dense({units: 1, kernelInitializer: tf.initializers.glorotNormal({seed: 3})}),
    ],
  }),
});
/** A GAN of these networks, with SGD. */
export const compiled = (options: Partial<GANCompileOptions> = {}) => {
  const gan = new GAN(networks());
  gan.compile({generatorOptimizer: tf.train.sgd(0.1), discriminatorOptimizer: tf.train.sgd(0.1), ...options});
  return gan;
};
/** A batch for them. */
export const batch = (size = 8) => ({
  xs: tf.randomNormal([size, 4], 0, 1, 'float32', 4),
  ys: tf.randomNormal([size, 3], 0, 1, 'float32', 5),
});
/** All weights of a model, layer by layer. */
export const weightsOf = async (model: tf.LayersModel) =>
  Promise.all(model.getWeights().map(async weight => Array.from(await weight.data())));
