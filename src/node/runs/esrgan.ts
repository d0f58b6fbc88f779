import * as tf from '@tensorflow/tfjs';
import {vggDiscriminator} from '../../models/vgg-discriminator.js';
import {l1Loss} from '../../training/content-loss.js';
import {GAN} from '../../training/gan.js';
import type {LearningRateSchedule} from '../../training/schedules.js';
import {cosine, warmUp} from '../../training/schedules.js';
import type {TrainSettings} from './settings.js';

/** Compiles the ESRGAN that the settings describe around a generator: both stages, by one count of steps. */
export function compiledEsrgan(
  settings: TrainSettings,
  generator: tf.LayersModel,
  onWarning: (message: string) => void,
): GAN {
  const {patch, discriminatorFilters, seed, warmupSteps, steps} = settings;
  const discriminator = vggDiscriminator({
    size: patch,
    filters: discriminatorFilters,
    maxFilters: 4 * discriminatorFilters,
    seed: seed + 1000,
  });
  const gan = new GAN({generator, discriminator});
  // The short memory of the squared gradients suits runs of hundreds of steps.
  const adam = (rate: number) => tf.train.adam(rate, 0.9, 0.99);
  const onPixels = stageRate(settings.warmupLearningRate, warmupSteps);
  const asGan = stageRate(settings.learningRate, steps);
  const ofCritic = stageRate(settings.discriminatorLearningRate, steps);
  gan.compile({
    generatorOptimizer: adam(settings.learningRate),
    discriminatorOptimizer: adam(settings.discriminatorLearningRate),
    generatorLearningRate: step => (step < warmupSteps ? onPixels(step) : asGan(step - warmupSteps)),
    discriminatorLearningRate: step => ofCritic(Math.max(0, step - warmupSteps)),
    adversarialWeight: settings.adversarialWeight,
    generatorLosses: [{name: 'content', weight: settings.contentWeight, loss: l1Loss}],
    ...(settings.microBatch === undefined ? {} : {microBatchSize: settings.microBatch}),
    recompute: settings.recompute ?? false,
    onWarning,
  });
  return gan;
}

/** Frees a GAN with its networks and optimizers. */
export function disposeWhole(gan: GAN): void {
  gan.dispose();
  const {models, optimizers} = gan.trained;
  tf.dispose(Object.values(models).flatMap(({weights}) => weights.map(weight => weight.read())));
  for (const optimizer of Object.values(optimizers)) optimizer.dispose();
}

/** The learning rate of a stage: up to `rate` over its first twentieth, and down to a hundredth of it along half a cosine. */
function stageRate(rate: number, steps: number): LearningRateSchedule {
  const fall = cosine({rate, steps: Math.max(1, steps), minimum: rate / 100});
  return warmUp({steps: Math.ceil(steps / 20), rate: fall});
}
