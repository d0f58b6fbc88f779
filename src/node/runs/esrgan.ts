import * as tf from '@tensorflow/tfjs';
import {RelativisticAverageLoss} from '../../losses/relativistic-average-loss.js';
import {RelativisticPairedLoss} from '../../losses/relativistic-paired-loss.js';
import {StandardLoss} from '../../losses/standard-loss.js';
import {patchDiscriminator} from '../../models/patch-discriminator.js';
import {unetDiscriminator} from '../../models/unet-discriminator.js';
import {vggDiscriminator} from '../../models/vgg-discriminator.js';
import type {Vgg19Features} from '../../models/vgg19-features.js';
import {l1Loss} from '../../training/content-loss.js';
import {GAN} from '../../training/gan.js';
import {perceptualLoss, realEsrganLayers} from '../../training/perceptual-loss.js';
import type {Penalty} from '../../training/penalties.js';
import {r1Penalty, r2Penalty} from '../../training/penalties.js';
import type {GeneratorLoss} from '../../training/step.js';
import type {LearningRateSchedule} from '../../training/schedules.js';
import {cosine, multiStep, warmUp} from '../../training/schedules.js';
import type {TrainSettings} from './settings.js';

/**
 * Compiles the ESRGAN that the settings describe around a generator: both stages, by one count of steps. `features` are those
 * of the perceptual loss, if any.
 */
export function compiledEsrgan(
  settings: TrainSettings,
  generator: tf.LayersModel,
  onWarning: (message: string) => void,
  features?: Vgg19Features,
): GAN {
  const {warmupSteps, steps, beta1 = 0.9, weightAverage = 0} = settings;
  const gan = new GAN({generator, discriminator: runDiscriminator(settings)});
  // The short memory of the squared gradients suits runs of hundreds of steps.
  const adam = (rate: number) => tf.train.adam(rate, beta1, 0.99);
  const onPixels = stageRate(settings.warmupLearningRate, warmupSteps, settings.warmupHalveAt);
  const asGan = stageRate(settings.learningRate, steps, settings.halveAt);
  const ofCritic = stageRate(settings.discriminatorLearningRate, steps, settings.halveAt);
  gan.compile({
    generatorOptimizer: adam(settings.learningRate),
    discriminatorOptimizer: adam(settings.discriminatorLearningRate),
    generatorLearningRate: step => (step < warmupSteps ? onPixels(step) : asGan(step - warmupSteps)),
    discriminatorLearningRate: step => ofCritic(Math.max(0, step - warmupSteps)),
    loss: new LOSSES[settings.loss ?? 'average'](),
    penalties: penaltiesOf(settings),
    ...(weightAverage > 0 && {weightAverage: {decay: weightAverage}}),
    adversarialWeight: settings.adversarialWeight,
    generatorLosses: lossesOf(settings, features),
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

const LOSSES = {average: RelativisticAverageLoss, paired: RelativisticPairedLoss, standard: StandardLoss};

/** The pixel loss, and in the GAN stage the perceptual one, where there are features for it. */
function lossesOf(settings: TrainSettings, features: Vgg19Features | undefined): GeneratorLoss[] {
  const {contentWeight, perceptualWeight: weight = 1, perceptualLayers = 'esrgan'} = settings;
  const content = {name: 'content', weight: contentWeight, loss: l1Loss};
  if (!features) return [content];
  const loss = perceptualLoss({features, ...(perceptualLayers === 'real-esrgan' && {layers: realEsrganLayers})});
  return [content, {name: 'perceptual', weight, loss, warmUp: false}];
}

function penaltiesOf({r1 = 0, r2 = 0}: TrainSettings): Penalty[] {
  return [...(r1 > 0 ? [r1Penalty({gamma: r1})] : []), ...(r2 > 0 ? [r2Penalty({gamma: r2})] : [])];
}

function runDiscriminator(settings: TrainSettings): tf.LayersModel {
  const {patch: size, discriminatorFilters: filters, discriminator = 'vgg'} = settings;
  const seed = settings.seed + 1000;
  if (discriminator === 'unet') return unetDiscriminator({filters, seed});
  if (discriminator === 'patch') return patchDiscriminator({filters, seed});
  return vggDiscriminator({size, filters, maxFilters: 4 * filters, seed});
}

/**
 * The learning rate of a stage: up to `rate` over its first twentieth, and down to a hundredth of it along half a cosine; with
 * `halveAt` the whole rate from the beginning, and half of the one before from each of these steps on.
 */
function stageRate(rate: number, steps: number, halveAt?: readonly number[]): LearningRateSchedule {
  if (halveAt) return multiStep({rate, milestones: [...halveAt], factor: 0.5});
  const fall = cosine({rate, steps: Math.max(1, steps), minimum: rate / 100});
  return warmUp({steps: Math.ceil(steps / 20), rate: fall});
}
