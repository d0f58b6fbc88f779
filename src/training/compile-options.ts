import type * as tf from '@tensorflow/tfjs';
import type {Averaging} from '../losses/averaging.js';
import type {GanLoss} from '../losses/gan-loss.js';
import type {Penalty} from './penalties.js';
import type {LearningRateSchedule} from './schedules.js';
import type {GeneratorLoss} from './step.js';
import type {WeightAverageOptions} from './weight-average.js';

/** How a batch's gradients are found: see `onePassStep` and `separatePassesStep`. */
export type Passes = 'auto' | 'one' | 'separate';

/** What `GAN.compile` can be told. */
export interface GANCompileOptions {
  /** Updates the generator. Each network needs an optimizer of its own: Adam keeps its moments by position. */
  generatorOptimizer: tf.Optimizer;
  /** Updates the discriminator. */
  discriminatorOptimizer: tf.Optimizer;
  /** The adversarial loss. Default `new RelativisticAverageLoss()`. */
  loss?: GanLoss;
  /**
   * Smooths the critic's labels, one-sided: that of real samples is so far below 1, at least 0 and below 0.5; 0.1 is usual. It
   * stands for the loss's option of that name, which says what it means there. Default: the loss's, which is 0.
   */
  labelSmoothing?: number;
  /**
   * The standard deviation of Gaussian noise that is added to real and fake samples before the critic judges them, in their
   * units: a number of at least 0, or a function of the number of batches trained on since `compile`, such as `cosine({rate:
   * 0.1, steps: 20_000})`, by which it falls from 0.1 to 0. Penalties see the noisy samples, generator losses the clean ones.
   * Default 0.
   */
  instanceNoise?: number | LearningRateSchedule;
  /** What the adversarial loss is multiplied by in the generator's objective. Default 1; ESRGAN uses 0.005. */
  adversarialWeight?: number;
  /** Further losses of the generator, such as `l1Loss`. Default none. */
  generatorLosses?: GeneratorLoss[];
  /**
   * `'one'` takes both updates from one pass over the critic, which needs a critic with one logit per sample that does
   * not mix samples; `'separate'` works for any. Default `'auto'`: one where all the critic's layers are known to allow
   * it. With `'one'`, layers of your own are taken at your word; batch normalisation, which mixes, is refused.
   */
  passes?: Passes;
  /**
   * Further terms of the discriminator's objective, such as `r1Penalty({gamma: 10})`. Default none. A critic that mixes the
   * samples of a batch has no slope of its own for each.
   */
  penalties?: Penalty[];
  /**
   * Samples that are computed at once, a whole number: a larger batch is taken in micro-batches of so many, the last of which
   * may be smaller, and gives the losses, gradients and weights of the whole batch in the memory of one of them. The
   * networks' forward passes then run twice. Generator losses and penalties must be means over samples. Batch normalisation
   * mixes the samples of a micro-batch, and random layers draw for each. Default: the whole batch.
   */
  microBatchSize?: number;
  /**
   * Whether the generator's activations are computed again in the backward pass, block by block, instead of kept: the same
   * numbers in less memory, for one forward pass of the generator more. Layers that draw random numbers, and those of your
   * own, keep theirs. Default false.
   */
  recompute?: boolean;
  /** Batches that the critic learns from for each that the generator does too, a whole number. Default 1. */
  discriminatorSteps?: number;
  /**
   * Set before each step: a rate, or a function of the number of batches trained on since `compile`, such as
   * `multiStep({...})` or `cosine({...})` gives. Default: the optimizer's own.
   */
  generatorLearningRate?: number | LearningRateSchedule;
  /** As `generatorLearningRate`, for the discriminator. */
  discriminatorLearningRate?: number | LearningRateSchedule;
  /**
   * The largest norm of all gradients of a network together, by which they are scaled down: of both networks, or of each.
   * Default: none.
   */
  clipNorm?: number | Partial<PerNetwork<number>>;
  /** Keeps an exponential average of the generator's weights in `averagedGenerator`. Default: none. */
  weightAverage?: WeightAverageOptions;
  /** Where the sums and counts of averages come from. Default `localAveraging`: the batch alone. */
  averaging?: Averaging;
  /**
   * Makes the random numbers that a step draws, those of dropout, noise and penalties say, a function of this seed, a whole
   * number of at least 0, and of `gan.step`: a run repeats, and goes on after one that stopped. Captured steps draw others
   * than those that run as usual. Default: others each time.
   */
  seed?: number;
  /**
   * Whether steps run captured where the backend can: TensorFlow in Node, see `captureStep` in `tfjs-ragan/node`. Default
   * true. Set it to false for generator losses that change with what JavaScript knows besides their arguments.
   */
  capture?: boolean;
  /** Receives the one line that says why steps do not run captured. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/** A value for each of the two networks. */
export interface PerNetwork<T> {
  /** The generator's. */
  generator: T;
  /** The discriminator's. */
  discriminator: T;
}
