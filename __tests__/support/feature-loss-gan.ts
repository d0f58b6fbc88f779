import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions, GeneratorLoss} from 'tfjs-ragan';
import {GAN} from 'tfjs-ragan';
import {weightsOf} from './small-gan.js';
import {expectClose} from './values.js';

const kernel = (seed: number) => ({kernelInitializer: tf.initializers.heNormal({seed}), padding: 'same' as const});

/** A GAN of small images, the same each time. */
function gan(): GAN {
  const {conv2d, leakyReLU, flatten, dense} = tf.layers;
  const image = {inputShape: [10, 10, 3], kernelSize: 3};
  const generator = tf.sequential({
    layers: [
      conv2d({...image, filters: 4, activation: 'tanh', ...kernel(1)}),
      conv2d({filters: 4, kernelSize: 3, activation: 'tanh', ...kernel(2)}),
      conv2d({filters: 3, kernelSize: 3, ...kernel(3)}),
    ],
  });
  const discriminator = tf.sequential({
    layers: [
      conv2d({...image, filters: 4, strides: 2, ...kernel(4)}),
      leakyReLU({alpha: 0.2}),
      conv2d({filters: 4, kernelSize: 3, ...kernel(5)}),
      leakyReLU({alpha: 0.2}),
      flatten(),
      dense({units: 1, kernelInitializer: tf.initializers.heNormal({seed: 6})}),
    ],
  });
  return new GAN({generator, discriminator});
}

/** Trains such a GAN with one generator loss besides the adversarial one; fails if a tensor remains, or steps are not captured. */
export async function trainedWith(
  lossOf: (gan: GAN) => GeneratorLoss['loss'],
  {steps, ...options}: Partial<GANCompileOptions> & {steps: number},
): Promise<{losses: number[]; generator: number[]; critic: number[]}> {
  const small = gan();
  small.compile({
    generatorOptimizer: tf.train.sgd(0.02),
    discriminatorOptimizer: tf.train.sgd(0.02),
    adversarialWeight: 0.01,
    generatorLosses: [{name: 'own', weight: 1, loss: lossOf(small)}],
    capture: false,
    onWarning: message => expect(message).toBe(''),
    ...options,
  });
  const random = (seed: number) => tf.randomUniform<tf.Rank.R4>([3, 10, 10, 3], 0, 1, 'float32', seed);
  const [xs, ys] = [random(1), random(2)];
  const losses: number[] = [];
  let before = 0;
  for (let step = 0; step < steps; step++) {
    losses.push((await small.trainOnBatch(xs, ys)).own!);
    if (step === 0) before = tf.memory().numTensors;
  }
  if (options.capture) expect(small.captureStatus?.state).toBe('captured');
  else expect(tf.memory().numTensors).toBe(before);
  const [generator, critic] = [await weightsOf(small.generator), await weightsOf(small.discriminator)];
  small.dispose();
  tf.dispose([xs, ys]);
  return {losses, generator: generator.flat(), critic: critic.flat()};
}

/** Expects the numbers of a step that runs as usual from every other way to compute it, captured too where that is. */
export async function expectTheSameHowever(
  lossOf: (gan: GAN) => GeneratorLoss['loss'],
  steps: number,
  backend: string,
): Promise<void> {
  const usual = await trainedWith(lossOf, {steps, passes: 'one'});
  const all = {microBatchSize: 2, recompute: true};
  const ways: Partial<GANCompileOptions>[] = [{passes: 'separate'}, {recompute: true}, all];
  const captured = [{}, ...ways].map(way => ({...way, capture: true}));
  // On the cpu backend each takes seconds.
  for (const way of {cpu: [all], tensorflow: [...ways, ...captured]}[backend] ?? ways) {
    const {generator, critic} = await trainedWith(lossOf, {steps, ...way});
    expectClose(generator, usual.generator, 1e-6);
    expectClose(critic, usual.critic, 1e-5);
  }
}
