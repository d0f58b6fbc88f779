import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {Scores} from './evaluation.js';
import {SETTING_CHECKS, shownValue} from './setting-checks.js';

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
  /** What the generator is: `'esrgan'`, see `esrganGenerator`, or `'compact'`, see `compactGenerator`. Default `'esrgan'`. */
  network?: 'esrgan' | 'compact';
  /** Feature maps between the generator's blocks, or of all convolutions of the compact one. */
  filters: number;
  /** Feature maps that each convolution of a dense block adds. */
  growth: number;
  /** Residual-in-residual dense blocks. */
  blocks: number;
  /** Convolutions between the first and the last of the compact generator. Default 16. */
  convolutions?: number;
  /**
   * What the critic is: `'vgg'`, see `vggDiscriminator`; `'unet'`, a logit for each pixel, see `unetDiscriminator`; `'patch'`, one for
   * each patch, see `patchDiscriminator`. Default `'vgg'`.
   */
  discriminator?: 'vgg' | 'unet' | 'patch';
  /** Feature maps of the critic's first convolutions; four times as many at most in `'vgg'`. */
  discriminatorFilters: number;
  /**
   * How the low-resolution side of a patch is made: `'bicubic'`, shrunk as in the benchmarks, or `'real-esrgan'`, see
   * `realEsrganDegradation`. Photos to measure on are always shrunk. Default `'bicubic'`.
   */
  degradation?: 'bicubic' | 'real-esrgan';
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
  /** Steps of the warm-up at which its learning rate halves, in place of the ramp and the cosine; none of them for one rate. */
  warmupHalveAt?: readonly number[];
  /** Steps of the GAN stage, counted from its beginning, at which both learning rates halve: as `warmupHalveAt`. */
  halveAt?: readonly number[];
  /** How much of the gradients before each step's average, Adam's momentum, remembers. Default 0.9. */
  beta1?: number;
  /**
   * The adversarial loss, with cross-entropy: `'average'`, see `RelativisticAverageLoss`; `'paired'`, see `RelativisticPairedLoss`;
   * `'standard'`, see `StandardLoss`. Default `'average'`.
   */
  loss?: 'average' | 'paired' | 'standard';
  /** Weight of the adversarial loss in the generator's. */
  adversarialWeight: number;
  /** Weight of the pixel loss in the generator's. */
  contentWeight: number;
  /**
   * A safetensors file of VGG19's weights by torchvision's names, for a perceptual loss of the GAN stage: see `perceptualLoss`.
   * Default: none, and no such loss.
   */
  perceptual?: string;
  /** Weight of the perceptual loss in the generator's. Default 1. */
  perceptualWeight?: number;
  /** The layers that it compares: `'esrgan'`, conv5_4 alone, or `'real-esrgan'`, `realEsrganLayers`. Default `'esrgan'`. */
  perceptualLayers?: 'esrgan' | 'real-esrgan';
  /** Weight of a penalty on the critic's slope at real pictures: see `gamma` of `r1Penalty`. Default 0, none. */
  r1?: number;
  /** The same at generated pictures: see `r2Penalty`. Default 0, none. */
  r2?: number;
  /**
   * Decay of an average of the generator's weights: see `weightAverage` of `GAN.compile`. It is then what is measured, drawn
   * and kept as the run's model. Default 0, none.
   */
  weightAverage?: number;
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
  /**
   * A score by which the best checkpoint stays too, with its model in the folder `best` of the run: `'psnrY'`, `'ssimY'` or
   * `'sharpness'`, of the validation photos, which are then measured at every checkpoint. Default: none.
   */
  keepBest?: keyof Scores;
  /** Whether it writes what TensorBoard shows, in the folder `tensorboard` of the run. Default false. */
  tensorboard?: boolean;
  /**
   * A model to start from, a run's folder or as `loadModel` takes it: an ESRGAN of the size that is given here, or any network
   * of other layers.
   */
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

/** The names of the settings. */
export const TRAIN_SETTINGS: OptionNames<TrainSettings> = {
  data: true,
  pairs: true,
  validation: true,
  out: true,
  resume: true,
  scale: true,
  degradation: true,
  network: true,
  filters: true,
  growth: true,
  blocks: true,
  convolutions: true,
  discriminator: true,
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
  warmupHalveAt: true,
  halveAt: true,
  beta1: true,
  loss: true,
  adversarialWeight: true,
  contentWeight: true,
  perceptual: true,
  perceptualWeight: true,
  perceptualLayers: true,
  r1: true,
  r2: true,
  weightAverage: true,
  seed: true,
  backend: true,
  threads: true,
  sampleEvery: true,
  checkpointEvery: true,
  keepCheckpoints: true,
  keepBest: true,
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
  requireEverySetting(settings);
  if (settings.steps + settings.warmupSteps === 0) {
    throw new Error('--steps must be at least 1 when --warmup-steps is 0, but it is 0');
  }
  if (settings.perceptual !== undefined && settings.patch < 16) {
    throw new Error(`--patch must be at least 16 with --perceptual, but it is ${settings.patch}`);
  }
  const {data, pairs} = settings;
  if (data !== undefined && pairs !== undefined) {
    throw new Error('--data and --pairs both name photos to learn from: give one');
  }
  if (pairs !== undefined && settings.degradation === 'real-esrgan') {
    throw new Error('--degradation real-esrgan is for --data: --pairs have low-resolution sides of their own');
  }
  if (data === undefined && pairs === undefined)
    throw new Error('--data must be a folder of photos, but it is missing');
}

/** Refuses a setting out of range, or that is missing. */
export function requireEverySetting(settings: TrainSettings): void {
  for (const name of Object.keys(TRAIN_SETTINGS) as (keyof TrainSettings)[]) {
    requireSetting(optionName(name), name, settings[name]);
  }
}

/** Refuses a value that a setting cannot have. @throws one line that calls it by `label`. */
export function requireSetting(label: string, name: keyof TrainSettings, value: unknown): void {
  const {expected, fits} = SETTING_CHECKS[name];
  if (!fits(value)) throw new Error(`${label} must be ${expected}, but it is ${shownValue(value)}`);
}
