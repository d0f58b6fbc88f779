import * as tf from '@tensorflow/tfjs';
import type {Averaging} from '../losses/averaging.js';
import type {GanLoss} from '../losses/gan-loss.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {givesOneLogit, mixingLayer} from './inspect-critic.js';
import type {GeneratorLoss} from './step.js';
import {requireKnownGeneratorLosses} from './validation.js';

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
  /** Where the sums and counts of averages come from. Default `localAveraging`: the batch alone. */
  averaging?: Averaging;
  /**
   * Whether steps run captured where the backend can: TensorFlow in Node, see `captureStep` in `tfjs-ragan/node`. Default
   * true. Set it to false for generator losses that change with what JavaScript knows besides their arguments.
   */
  capture?: boolean;
  /** Receives the one line that says why steps do not run captured. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

const COMPILE_OPTIONS: OptionNames<GANCompileOptions> = {
  generatorOptimizer: true,
  discriminatorOptimizer: true,
  loss: true,
  adversarialWeight: true,
  generatorLosses: true,
  passes: true,
  averaging: true,
  capture: true,
  onWarning: true,
};

/** Refuses unknown options of `GAN.compile`. */
export function requireCompileOptions(options: GANCompileOptions): void {
  requireKnownOptions('GAN.compile', options, COMPILE_OPTIONS);
}

/** The options with their defaults filled in. */
type Filled = GANCompileOptions &
  Required<Pick<GANCompileOptions, 'loss' | 'adversarialWeight' | 'generatorLosses' | 'averaging' | 'passes'>>;

/** Refuses what `GAN.compile` cannot train with: see each message. */
export function requireOptions(options: Filled, discriminator: tf.LayersModel): void {
  const {generatorOptimizer, discriminatorOptimizer, loss, averaging} = options;
  requireOptimizers(generatorOptimizer, discriminatorOptimizer);
  // Told by what they can do: a loss may come from another copy of this package.
  if (typeof (loss as Partial<GanLoss> | null)?.withGradients !== 'function') {
    throw new Error(
      `GAN.compile: loss must be a GanLoss, such as new RelativisticAverageLoss(), but it is ${typeof loss}.`,
    );
  }
  if (loss.reduction === tf.Reduction.NONE) {
    throw new Error('GAN.compile: loss must reduce to one number, but its reduction is NONE; use MEAN or SUM.');
  }
  requireWeights(options.adversarialWeight, options.generatorLosses);
  if (typeof (averaging as Partial<Averaging> | null)?.total !== 'function') {
    throw new Error(
      `GAN.compile: averaging must have a function total(sum, count), as localAveraging has, but it is ${JSON.stringify(averaging)}.`,
    );
  }
  requirePasses(options.passes, discriminator);
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

function requireWeights(adversarialWeight: number, generatorLosses: GeneratorLoss[]): void {
  const names = new Set(['discriminatorLoss', 'generatorLoss']);
  if (!Number.isFinite(adversarialWeight)) {
    throw new Error(`GAN.compile: adversarialWeight must be a finite number, but it is ${adversarialWeight}.`);
  }
  requireKnownGeneratorLosses('GAN.compile', generatorLosses);
  for (const {name, weight, loss} of generatorLosses) {
    if (!name || names.has(name)) {
      throw new Error(
        `GAN.compile: generatorLosses need names of their own, but ${JSON.stringify(name)} is empty or taken.`,
      );
    }
    if (!Number.isFinite(weight) || typeof loss !== 'function') {
      throw new Error(`GAN.compile: generator loss '${name}' needs a finite weight and a loss function.`);
    }
    names.add(name);
  }
}

function requirePasses(passes: Passes, discriminator: tf.LayersModel): void {
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
