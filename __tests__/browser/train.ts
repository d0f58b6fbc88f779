import * as tf from '@tensorflow/tfjs';
import {GAN, esrganGenerator, l1Loss, vggDiscriminator} from 'tfjs-ragan';

/** The losses of each step, and the number of tensors alive after it. */
export interface Training {
  losses: Record<string, number>[];
  tensors: number[];
}

/** Trains a small ESRGAN on random pictures, the same on every backend, in Node and in a page. */
export async function train(steps: number): Promise<Training> {
  const gan = new GAN({
    generator: esrganGenerator({scale: 2, filters: 8, growth: 4, blocks: 1, seed: 1}),
    discriminator: vggDiscriminator({size: 16, filters: 4, seed: 100}),
  });
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-3),
    discriminatorOptimizer: tf.train.adam(1e-3),
    adversarialWeight: 0.1,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  });
  const xs = tf.randomUniform([2, 8, 8, 3], 0, 1, 'float32', 3);
  const ys = tf.randomUniform([2, 16, 16, 3], 0, 1, 'float32', 4);
  const training: Training = {losses: [], tensors: []};
  for (let step = 0; step < steps; step++) {
    training.losses.push(await gan.trainOnBatch(xs, ys));
    training.tensors.push(tf.memory().numTensors);
  }
  return training;
}
