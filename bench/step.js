// One step of ESRGAN-lite: values, gradients and Adam updates of both networks.
import * as tf from '@tensorflow/tfjs';
import {esrganGenerator, GAN, l1Loss, RelativisticAverageLoss, vggDiscriminator} from 'tfjs-ragan';

const BATCH = 4;
const LOW_RESOLUTION = 16;

/** The networks, compiled, and a batch for them: a function that runs one step and resolves to its milliseconds. */
export function tensorflowJsStep() {
  const size = 4 * LOW_RESOLUTION;
  const generator = esrganGenerator({filters: 32, growth: 16, blocks: 2, seed: 1});
  const discriminator = vggDiscriminator({size, filters: 32, maxFilters: 128, seed: 2});
  const gan = new GAN({generator, discriminator});
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    loss: new RelativisticAverageLoss(),
    adversarialWeight: 5e-3,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  });
  const xs = tf.randomUniform([BATCH, LOW_RESOLUTION, LOW_RESOLUTION, 3], 0, 1, 'float32', 3);
  const ys = tf.randomUniform([BATCH, size, size, 3], 0, 1, 'float32', 4);
  return async () => {
    const start = performance.now();
    await gan.trainOnBatch(xs, ys); // resolves to the losses' values, so the step is done
    return performance.now() - start;
  };
}
