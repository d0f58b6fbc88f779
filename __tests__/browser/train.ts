import * as tf from '@tensorflow/tfjs';
import {GAN, esrganGenerator, l1Loss, loadGan, saveGan, vggDiscriminator} from 'tfjs-ragan';

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

/** The losses after a stop, without one and with, and what else was kept. */
export interface Resumption {
  whole: Record<string, number>[];
  resumed: Record<string, number>[];
  state: unknown;
  step: number;
}

/** Trains a small GAN, saves it in IndexedDB on the way, and goes on with another one from there. */
export async function resumeFromIndexedDb(): Promise<Resumption> {
  const compiled = () => {
    const dense = (units: number, inputDim: number, seed: number) =>
      tf.sequential({
        layers: [tf.layers.dense({units, inputDim, kernelInitializer: tf.initializers.glorotNormal({seed})})],
      });
    const gan = new GAN({generator: dense(3, 4, 1), discriminator: dense(1, 3, 2)});
    gan.compile({
      generatorOptimizer: tf.train.adam(0.01),
      discriminatorOptimizer: tf.train.adam(0.01),
      weightAverage: {decay: 0.9},
    });
    return gan;
  };
  const steps = async (gan: GAN, last: number) => {
    const losses = [];
    while (gan.step < last) {
      const normal = (size: number, seed: number) => tf.randomNormal([8, size], 0, 1, 'float32', seed);
      losses.push(await gan.trainOnBatch(normal(4, gan.step + 1), normal(3, gan.step + 1000)));
    }
    return losses;
  };
  const [first, second] = [compiled(), compiled()];
  await steps(first, 3);
  // Twice: the second takes the first one's place.
  await saveGan(first, 'indexeddb://run');
  await steps(first, 5);
  await saveGan(first, 'indexeddb://run', {photos: 'mine'});
  const whole = await steps(first, 9);
  const state = await loadGan(second, 'indexeddb://run');
  const {step} = second;
  return {whole, resumed: await steps(second, 9), state, step};
}
