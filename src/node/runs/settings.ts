import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';

/** Everything a training run depends on; the options of `tfjs-ragan train`. */
export interface TrainSettings {
  /** Folder of photos to learn from; what runs that are kept in it have made is left out. Here or in `pairs`. */
  data?: string;
  /**
   * In place of `data` two folders, of low- and of high-resolution pictures, whose files are matched by name: see
   * `photoDataset`. Each pair must be of the scale, to the pixel.
   */
  pairs?: readonly [low: string, high: string];
  /**
   * Folder of photos to measure on, or two of pairs, which are not learned from where they are in `data` or `pairs` too.
   * Default: a tenth of these, 6 at most, held out of training; of fewer than 10, all. A run that is resumed keeps to those it
   * began with.
   */
  validation?: string | readonly [low: string, high: string];
  /** The run's folder. */
  out: string;
  /**
   * Go on with the run in `out`. The network's settings, `patch`, `batch` and `seed` must be those of the run, and
   * `warmupSteps` too once it is past them. The command line takes what is not given from the run.
   */
  resume: boolean;
  /** How many times larger: 2, 4 or 8. */
  scale: number;
  /** Feature maps between the generator's blocks: see `esrganGenerator`. */
  filters: number;
  /** Feature maps that each convolution of a dense block adds. */
  growth: number;
  /** Residual-in-residual dense blocks. */
  blocks: number;
  /** Feature maps of the critic's first convolutions; four times as many at most. */
  discriminatorFilters: number;
  /** Height and width of the high-resolution patches: 8, 16, 32, 64, ... */
  patch: number;
  /** Patches in a batch. */
  batch: number;
  /** Patches that are computed at once: see `microBatchSize` of `GAN.compile`. Default: the whole batch. */
  microBatch?: number;
  /** Whether the generator's activations are computed again instead of kept: see `recompute` of `GAN.compile`. Default false. */
  recompute?: boolean;
  /** Steps on pixels alone. */
  warmupSteps: number;
  /** Steps of the GAN after them. */
  steps: number;
  /** The generator's highest learning rate in the warm-up. Each stage ramps up to its own and falls along a cosine. */
  warmupLearningRate: number;
  /** The generator's highest learning rate in the GAN stage. */
  learningRate: number;
  /** The critic's highest learning rate. */
  discriminatorLearningRate: number;
  /** Weight of the adversarial loss in the generator's. */
  adversarialWeight: number;
  /** Weight of the pixel loss in the generator's. */
  contentWeight: number;
  /** Whole number that all random choices follow from. */
  seed: number;
  /** `auto` or a backend's name. */
  backend: string;
  /** Threads of the wasm backend, or of TensorFlow on the CPU. Default: as many as the machine has cores. */
  threads?: number;
  /** A sample sheet at every multiple of this many steps, besides those of each stage's end; 0 for none. */
  sampleEvery: number;
  /** A checkpoint at every multiple of this many steps, besides those of each stage's end; 0 for none. */
  checkpointEvery: number;
  /** How many of the last checkpoints stay. Default 2: the newest, and the one before it should that be damaged. */
  keepCheckpoints?: number;
  /** Whether it writes what TensorBoard shows, in the folder `tensorboard` of the run. Default false. */
  tensorboard?: boolean;
  /** A model to start from, as `loadModel` takes it: an ESRGAN of the size that is given here, or any network of other layers. */
  init?: string;
}

/** What `tfjs-ragan train` uses where it is not told otherwise: a small network that a laptop trains in minutes. */
export const DEFAULT_SETTINGS = {
  out: 'run',
  resume: false,
  scale: 4,
  filters: 16,
  growth: 8,
  blocks: 2,
  discriminatorFilters: 8,
  patch: 64,
  batch: 8,
  warmupSteps: 600,
  steps: 300,
  warmupLearningRate: 4e-3,
  learningRate: 1e-3,
  discriminatorLearningRate: 2e-4,
  adversarialWeight: 1e-2,
  contentWeight: 1,
  seed: 1,
  backend: 'auto',
  sampleEvery: 100,
  checkpointEvery: 100,
} satisfies TrainSettings;

const TRAIN_SETTINGS: OptionNames<TrainSettings> = {
  data: true,
  pairs: true,
  validation: true,
  out: true,
  resume: true,
  scale: true,
  filters: true,
  growth: true,
  blocks: true,
  discriminatorFilters: true,
  patch: true,
  batch: true,
  microBatch: true,
  recompute: true,
  warmupSteps: true,
  steps: true,
  warmupLearningRate: true,
  learningRate: true,
  discriminatorLearningRate: true,
  adversarialWeight: true,
  contentWeight: true,
  seed: true,
  backend: true,
  threads: true,
  sampleEvery: true,
  checkpointEvery: true,
  keepCheckpoints: true,
  tensorboard: true,
  init: true,
};

/** A setting as the command line spells it: `--warmup-steps`. */
export function optionName(name: keyof TrainSettings): string {
  return `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

/** Settings with others in their place, where `data` and `pairs` are in each other's. */
export function settingsOver<Base extends Partial<TrainSettings>>(
  base: Base,
  others: Partial<TrainSettings>,
): Base & Partial<TrainSettings> {
  const {data, pairs, ...rest} = base;
  const photos = others.data ?? others.pairs;
  return {...rest, ...(photos === undefined && {data, pairs}), ...others} as Base & Partial<TrainSettings>;
}

/** Refuses unknown settings, and those out of range, naming the option as the command line spells it. */
export function requireSettings(settings: TrainSettings): void {
  requireKnownOptions('trainEsrgan', settings, TRAIN_SETTINGS);
  requireFolders(settings);
  const {scale, patch} = settings;
  const require = (option: string, value: unknown, fits: boolean, expected: string) => {
    if (!fits) throw new Error(`--${option} must be ${expected}, but it is ${String(value)}`);
  };
  const whole = (value: number, least: number) => Number.isInteger(value) && value >= least;
  const positive = (value: number) => Number.isFinite(value) && value > 0;

  require('scale', scale, [2, 4, 8].includes(scale), '2, 4 or 8');
  require('patch', patch, whole(Math.log2(patch), 3), 'one of 8, 16, 32, 64, 128, ...');
  require('filters', settings.filters, whole(settings.filters, 1), 'a whole number from 1');
  require('growth', settings.growth, whole(settings.growth, 1), 'a whole number from 1');
  require('blocks', settings.blocks, whole(settings.blocks, 1), 'a whole number from 1');
  require('discriminator-filters', settings.discriminatorFilters, whole(
    settings.discriminatorFilters,
    1,
  ), 'a whole number from 1');
  require('batch', settings.batch, whole(settings.batch, 1), 'a whole number from 1');
  require('warmup-steps', settings.warmupSteps, whole(settings.warmupSteps, 0), 'a whole number from 0');
  require('steps', settings.steps, whole(settings.steps, 0), 'a whole number from 0');
  require('steps', settings.steps, settings.steps + settings.warmupSteps > 0, 'at least 1 when --warmup-steps is 0');
  require('sample-every', settings.sampleEvery, whole(settings.sampleEvery, 0), 'a whole number from 0');
  require('checkpoint-every', settings.checkpointEvery, whole(settings.checkpointEvery, 0), 'a whole number from 0');
  require('seed', settings.seed, Number.isInteger(settings.seed), 'a whole number');
  require('warmup-learning-rate', settings.warmupLearningRate, positive(
    settings.warmupLearningRate,
  ), 'a positive number');
  require('learning-rate', settings.learningRate, positive(settings.learningRate), 'a positive number');
  require('discriminator-learning-rate', settings.discriminatorLearningRate, positive(
    settings.discriminatorLearningRate,
  ), 'a positive number');
  require('content-weight', settings.contentWeight, positive(settings.contentWeight), 'a positive number');
  require('adversarial-weight', settings.adversarialWeight, settings.adversarialWeight >= 0 &&
    Number.isFinite(settings.adversarialWeight), 'a number from 0');
  require('micro-batch', settings.microBatch, settings.microBatch === undefined ||
    whole(settings.microBatch, 1), 'a whole number from 1');
  require('keep-checkpoints', settings.keepCheckpoints, settings.keepCheckpoints === undefined ||
    whole(settings.keepCheckpoints, 1), 'a whole number from 1');
  require('threads', settings.threads, settings.threads === undefined ||
    whole(settings.threads, 1), 'a whole number from 1');
}

/** Refuses photos that are named twice, or not at all, and other than two folders of pairs. */
function requireFolders({data, pairs, validation}: TrainSettings): void {
  const isFolder = (value: unknown) => typeof value === 'string' && value !== '';
  const arePairs = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(isFolder);
  const shown = (value: unknown) => JSON.stringify(value) ?? 'missing';
  if (data !== undefined && pairs !== undefined)
    throw new Error('--data and --pairs both name photos to learn from: give one');
  if (pairs !== undefined && !arePairs(pairs)) {
    throw new Error(`--pairs must be two folders, low and high, but it is ${shown(pairs)}`);
  }
  if (pairs === undefined && !isFolder(data))
    throw new Error(`--data must be a folder of photos, but it is ${shown(data)}`);
  if (validation !== undefined && !isFolder(validation) && !arePairs(validation)) {
    throw new Error(`--validation must be a folder, or two of pairs, but it is ${shown(validation)}`);
  }
}
