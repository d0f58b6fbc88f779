import type * as tf from '@tensorflow/tfjs';
import {localAveraging} from '../losses/averaging.js';
import {withLabelSmoothing} from '../losses/labelled-loss.js';
import {RelativisticAverageLoss} from '../losses/relativistic-average-loss.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {GANCompileOptions, Passes, PerNetwork} from './compile-options.js';
import {allowsOnePass} from './inspect-critic.js';
import type {Penalty} from './penalties.js';
import {requirePenalty} from './penalties.js';
import {requireOptions} from './require-options.js';
import type {LearningRateSchedule} from './schedules.js';
import type {Objective} from './step.js';

/** What `GAN.compile` was told, with its defaults. */
export interface Compiled {
  objective: Objective;
  optimizers: PerNetwork<tf.Optimizer>;
  learningRates: Partial<PerNetwork<LearningRateSchedule>>;
  /** The standard deviation of the noise on samples that the critic judges; undefined for none. */
  instanceNoise: LearningRateSchedule | undefined;
  /** The largest norm of the gradients. */
  clipNorm: Partial<PerNetwork<number>>;
  passes: Exclude<Passes, 'auto'>;
  penalties: Required<Penalty>[];
  discriminatorSteps: number;
  /** Samples that are computed at once; undefined for all of a batch. */
  microBatchSize: number | undefined;
  /** The decay of the average of the generator's weights; undefined for none. */
  averageDecay: number | undefined;
  /** What random numbers go by. */
  seed: number | undefined;
  capture: boolean;
  onWarning: ((message: string) => void) | undefined;
}

const COMPILE_OPTIONS: OptionNames<GANCompileOptions> = {
  generatorOptimizer: true,
  discriminatorOptimizer: true,
  loss: true,
  labelSmoothing: true,
  instanceNoise: true,
  adversarialWeight: true,
  generatorLosses: true,
  penalties: true,
  microBatchSize: true,
  recompute: true,
  discriminatorSteps: true,
  generatorLearningRate: true,
  discriminatorLearningRate: true,
  clipNorm: true,
  weightAverage: true,
  passes: true,
  averaging: true,
  seed: true,
  capture: true,
  onWarning: true,
};

/** The options with their defaults, once all of them have been looked at. */
export function completeOptions(options: GANCompileOptions, discriminator: tf.LayersModel): Compiled {
  requireKnownOptions('GAN.compile', options, COMPILE_OPTIONS);
  requireOptions(options, discriminator);
  const {labelSmoothing, averaging = localAveraging} = options;
  const given = options.loss ?? new RelativisticAverageLoss();
  const loss = labelSmoothing === undefined ? given : withLabelSmoothing('GAN.compile', given, labelSmoothing);
  const {adversarialWeight = 1, generatorLosses = [], penalties = [], passes = 'auto'} = options;
  const {generatorOptimizer, discriminatorOptimizer, clipNorm, weightAverage, capture = true} = options;
  return {
    objective: {loss, adversarialWeight, generatorLosses, averaging, recompute: options.recompute ?? false},
    optimizers: {generator: generatorOptimizer, discriminator: discriminatorOptimizer},
    learningRates: {
      ...scheduleOf('generator', options.generatorLearningRate),
      ...scheduleOf('discriminator', options.discriminatorLearningRate),
    },
    instanceNoise: options.instanceNoise === 0 ? undefined : scheduleFrom(options.instanceNoise),
    clipNorm: typeof clipNorm === 'number' ? {generator: clipNorm, discriminator: clipNorm} : (clipNorm ?? {}),
    passes: passes === 'auto' ? (allowsOnePass(discriminator) ? 'one' : 'separate') : passes,
    penalties: penalties.map(penalty => requirePenalty('GAN.compile', penalty)),
    discriminatorSteps: options.discriminatorSteps ?? 1,
    microBatchSize: options.microBatchSize,
    averageDecay: weightAverage?.decay,
    seed: options.seed,
    capture,
    onWarning: options.onWarning,
  };
}

function scheduleOf(network: keyof PerNetwork<unknown>, rate: number | LearningRateSchedule | undefined) {
  const schedule = scheduleFrom(rate);
  return schedule && {[network]: schedule};
}

function scheduleFrom(rate: number | LearningRateSchedule | undefined): LearningRateSchedule | undefined {
  return typeof rate === 'number' ? () => rate : rate;
}
