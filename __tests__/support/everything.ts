import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from 'tfjs-ragan';
import {
  GAN,
  RelativisticPairedLoss,
  cosine,
  l1Loss,
  multiStep,
  r1Penalty,
  r2Penalty,
  saveGan,
  spectralNormalization,
} from 'tfjs-ragan';

export type Optimizer = () => tf.Optimizer;
export const adam: Optimizer = () => tf.train.adam(0.01, 0.5, 0.9);

/** A GAN with everything that training carries from step to step. */
export function everything(optimizer = adam, changed: Partial<GANCompileOptions> = {}, units = 6): GAN {
  const dense = (units: number, seed: number, inputDim?: number) =>
    tf.layers.dense({units, kernelInitializer: tf.initializers.glorotNormal({seed}), ...(inputDim && {inputDim})});
  const latent = tf.input({shape: [4]});
  const hidden = tf.layers.batchNormalization().apply(dense(units, 1).apply(latent));
  const sample = tf.input({shape: [3]});
  const features = tf.layers.leakyReLU().apply(spectralNormalization(dense(5, 3)).apply(sample));
  const gan = new GAN({
    generator: tf.model({inputs: latent, outputs: dense(3, 2).apply(hidden) as tf.SymbolicTensor}),
    discriminator: tf.model({
      inputs: sample,
      outputs: spectralNormalization(dense(1, 4)).apply(features) as tf.SymbolicTensor,
    }),
  });
  gan.compile({
    generatorOptimizer: optimizer(),
    discriminatorOptimizer: optimizer(),
    loss: new RelativisticPairedLoss(),
    generatorLosses: [{name: 'content', weight: 0.1, loss: l1Loss}],
    penalties: [r1Penalty({gamma: 0.1, every: 3}), r2Penalty({gamma: 0.1, every: 4})],
    discriminatorSteps: 2,
    generatorLearningRate: cosine({rate: 0.02, steps: 20, warmUp: 3}),
    discriminatorLearningRate: multiStep({rate: 0.01, milestones: [3, 7]}),
    weightAverage: {decay: 0.9},
    clipNorm: 1,
    onWarning: message => {
      if (!message.includes('mixes the samples of a micro-batch')) throw new Error(message);
    },
    ...changed,
  });
  return gan;
}

/** The batch of a step. */
export function batchOf(step: number): {xs: tf.Tensor; ys: tf.Tensor} {
  // To tfjs a seed of 0 is none.
  const normal = (size: number, seed: number) => tf.randomNormal([8, size], 0, 1, 'float32', seed);
  return {xs: normal(4, step + 1), ys: normal(3, step + 1000)};
}

/** Steps to `last`, each on a batch of its own. */
export async function trainTo(gan: GAN, last: number): Promise<Record<string, number>[]> {
  const losses = [];
  while (gan.step < last) {
    const {xs, ys} = batchOf(gan.step);
    losses.push(await gan.trainOnBatch(xs, ys));
    tf.dispose([xs, ys]);
  }
  return losses;
}

/** A handler that keeps what it is given in memory. */
export function memory(): tf.io.IOHandler & {artifacts?: tf.io.ModelArtifacts} {
  const handler: ReturnType<typeof memory> = {
    save: artifacts => {
      handler.artifacts = structuredClone(artifacts);
      return Promise.resolve({modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON' as const}});
    },
    load: () => Promise.resolve(structuredClone(handler.artifacts!)),
  };
  return handler;
}

/** All that training goes on from, bit for bit. */
export async function stateOf(gan: GAN): Promise<unknown> {
  const kept = memory();
  await saveGan(gan, kept);
  return [gan.counters, Buffer.from(kept.artifacts!.weightData as ArrayBuffer).toString('base64')];
}

/** Frees its networks, with the average, and its optimizers. */
export function disposeAll(gan: GAN): void {
  const {models, optimizers} = gan.trained;
  gan.dispose();
  for (const model of Object.values(models)) model.dispose();
  for (const optimizer of Object.values(optimizers)) optimizer.dispose();
}
