import * as tf from '@tensorflow/tfjs';
import type {Averaging} from '../losses/averaging.js';
import type {GanLoss} from '../losses/gan-loss.js';
import {requireKnownOptions, requireOneOf} from '../options.js';
import type {GANCompileOptions, Passes} from './compile-options.js';
import {givesOneLogit, mixingLayer} from './inspect-critic.js';
import {requireKnownGeneratorLosses, requireKnownPenalties} from './validation.js';

/** Refuses what `GAN.compile` cannot train with: see each message. */
export function requireOptions(options: GANCompileOptions, discriminator: tf.LayersModel): void {
  const {generatorOptimizer, discriminatorOptimizer, loss, averaging} = options;
  requireOptimizers(generatorOptimizer, discriminatorOptimizer);
  // Told by what they can do: a loss may come from another copy of this package.
  if (loss !== undefined && typeof (loss as Partial<GanLoss> | null)?.withGradients !== 'function') {
    throw new Error(
      `GAN.compile: loss must be a GanLoss, such as new RelativisticAverageLoss(), but it is ${typeof loss}.`,
    );
  }
  if (loss?.reduction === tf.Reduction.NONE) {
    throw new Error('GAN.compile: loss must reduce to one number, but its reduction is NONE; use MEAN or SUM.');
  }
  requireWeights(options);
  if (averaging !== undefined && typeof (averaging as Partial<Averaging> | null)?.total !== 'function') {
    throw new Error(
      `GAN.compile: averaging must have a function total(sum, count), as localAveraging has, but it is ${JSON.stringify(averaging)}.`,
    );
  }
  requirePasses(options.passes, discriminator);
  requireUpdates(options);
}

function requireOptimizers(generatorOptimizer: tf.Optimizer, discriminatorOptimizer: tf.Optimizer): void {
  for (const [name, optimizer] of Object.entries({generatorOptimizer, discriminatorOptimizer})) {
    if (typeof (optimizer as Partial<tf.Optimizer> | undefined)?.applyGradients !== 'function') {
      throw new Error(
        `GAN.compile: ${name} must be a tf.Optimizer, such as tf.train.adam(1e-4), but it is ${typeof optimizer}.`,
      );
    }
  }
  if (generatorOptimizer === discriminatorOptimizer) {
    throw new Error('GAN.compile: each network needs an optimizer of its own, but both are the same object.');
  }
}

function requireWeights({adversarialWeight = 1, generatorLosses = [], penalties = []}: GANCompileOptions): void {
  // Those that the logs of a batch have besides.
  const names = new Set(['discriminatorLoss', 'generatorLoss', 'batch', 'size']);
  if (!Number.isFinite(adversarialWeight)) {
    throw new Error(`GAN.compile: adversarialWeight must be a finite number, but it is ${adversarialWeight}.`);
  }
  for (const [name, list] of Object.entries({generatorLosses, penalties})) {
    if (!Array.isArray(list)) throw new Error(`GAN.compile: ${name} must be an array, but it is ${typeof list}.`);
  }
  requireKnownGeneratorLosses('GAN.compile', generatorLosses);
  for (const {name, weight, loss, warmUp = true} of generatorLosses) {
    if (!name || names.has(name)) {
      throw new Error(
        `GAN.compile: generatorLosses need names of their own, but ${JSON.stringify(name)} is empty or taken.`,
      );
    }
    if (!Number.isFinite(weight) || typeof loss !== 'function') {
      throw new Error(`GAN.compile: generator loss '${name}' needs a finite weight and a loss function.`);
    }
    requireOneOf(`GAN.compile: generator loss '${name}'`, 'warmUp', warmUp, [true, false]);
    names.add(name);
  }
  requireKnownPenalties('GAN.compile', penalties);
  for (const penalty of penalties) {
    if (!penalty.name || names.has(penalty.name)) {
      throw new Error(
        `GAN.compile: penalties need names of their own, but ${JSON.stringify(penalty.name)} is empty or taken.`,
      );
    }
    names.add(penalty.name);
  }
}

function requirePasses(passes: Passes = 'auto', discriminator: tf.LayersModel): void {
  if (!['auto', 'one', 'separate'].includes(passes)) {
    throw new Error(`GAN.compile: passes must be 'auto', 'one' or 'separate', but it is ${String(passes)}.`);
  }
  if (passes !== 'one') return;
  if (!givesOneLogit(discriminator)) {
    throw new Error(
      "GAN.compile: passes must be 'separate' for a discriminator that gives more than one logit per sample.",
    );
  }
  const mixing = mixingLayer(discriminator);
  if (mixing) {
    throw new Error(
      `GAN.compile: passes must be 'separate' for a discriminator that mixes the samples of a batch, as its layer ${mixing.name} (${mixing.getClassName()}) does.`,
    );
  }
}

function requireUpdates({
  discriminatorSteps = 1,
  microBatchSize = 1,
  clipNorm,
  weightAverage,
  ...options
}: GANCompileOptions): void {
  for (const [name, kind] of [
    ['capture', 'boolean'],
    ['recompute', 'boolean'],
    ['onWarning', 'function'],
  ] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== kind) {
      throw new Error(`GAN.compile: ${name} must be a ${kind}, but it is ${JSON.stringify(value)}.`);
    }
  }
  for (const [name, count] of Object.entries({discriminatorSteps, microBatchSize})) {
    if (!Number.isInteger(count) || count < 1) {
      throw new Error(`GAN.compile: ${name} must be a whole number of at least 1, but it is ${count}.`);
    }
  }
  const {seed = 0} = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new Error(`GAN.compile: seed must be a whole number of at least 0, but it is ${JSON.stringify(seed)}.`);
  }
  if (typeof clipNorm === 'object') {
    requireKnownOptions('GAN.compile clipNorm', clipNorm, {generator: true, discriminator: true});
  }
  for (const norm of typeof clipNorm === 'object' ? Object.values(clipNorm) : [clipNorm]) {
    if (norm !== undefined && !(Number.isFinite(norm) && norm > 0)) {
      throw new Error(`GAN.compile: clipNorm must be a finite number above 0, but it is ${norm}.`);
    }
  }
  if (weightAverage) {
    requireKnownOptions('GAN.compile weightAverage', weightAverage, {decay: true});
    if (!(Number.isFinite(weightAverage.decay) && weightAverage.decay >= 0 && weightAverage.decay < 1)) {
      throw new Error(
        `GAN.compile: the decay of weightAverage must be at least 0 and below 1, but it is ${weightAverage.decay}.`,
      );
    }
  }
  for (const name of ['generatorLearningRate', 'discriminatorLearningRate', 'instanceNoise'] as const) {
    const rate = options[name];
    if (rate === undefined || typeof rate === 'function') continue;
    if (!(Number.isFinite(rate) && rate >= 0)) {
      throw new Error(
        `GAN.compile: ${name} must be a number of at least 0, or a function of the step, but it is ${rate}.`,
      );
    }
  }
}
