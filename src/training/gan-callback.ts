import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {Diagnostics} from './diagnostics.js';
import type {GAN} from './gan.js';

/** What a `GanCallback` can be told. */
export interface GanCallbackOptions {
  /** `onLogs` and `onDiagnostics` are called at every multiple of so many steps: a whole number, 0 for never. Default 0. */
  logEvery?: number;
}

const GAN_CALLBACK: OptionNames<GanCallbackOptions> = {logEvery: true};

/**
 * A callback of `GAN.fitDataset` that sees the whole GAN, and what the steps log as means over every so many of them.
 *
 * It is a `tf.Callback`, with all its methods: in `onBatchEnd` the number of steps taken is `this.gan.step`. What costs a
 * read from the device, the losses, comes to `onLogs`: summed there and read once for all callbacks that ask for it
 * equally often. Callbacks over the folder of a run (`checkpoints`, `jsonLog` and others in `tfjs-ragan/node`) are such.
 *
 * @example
 * class Printer extends GanCallback {
 *   override onLogs(step: number, logs: Record<string, number>) {
 *     console.log(step, logs.discriminatorLoss);
 *   }
 * }
 * const photos = photoDataset('photos', {patch: 64, batch: 8});
 * await gan.fitDataset(photos, {epochs: 1, batchesPerEpoch: 100, callbacks: new Printer({logEvery: 10})});
 */
export abstract class GanCallback extends tf.Callback {
  /** The GAN that trains, from `onTrainBegin` on. */
  gan!: GAN;
  /** See `GanCallbackOptions`. */
  readonly logEvery: number;

  /** @throws if an option is unknown or `logEvery` is not a whole number of at least 0. */
  constructor(options: GanCallbackOptions = {}) {
    super();
    requireKnownOptions('GanCallback', options, GAN_CALLBACK);
    const {logEvery = 0} = options;
    if (!Number.isSafeInteger(logEvery) || logEvery < 0) {
      throw new Error(`GanCallback: logEvery must be a whole number of at least 0, but it is ${logEvery}.`);
    }
    this.logEvery = logEvery;
  }

  /** Called by `GAN.fitDataset` before training begins. */
  setGan(gan: GAN): void {
    this.gan = gan;
  }

  /**
   * Called before `onBatchEnd`, at every multiple of `logEvery` steps and, for what is left, when training ends, also by an
   * error.
   *
   * @param step steps taken since `compile`.
   * @param logs means over the steps since the last call, each over those of them that have it.
   */
  onLogs?(step: number, logs: Record<string, number>): void | Promise<void>;

  /**
   * Called after `onLogs`, as often, also for steps that were left out: what `GAN.diagnostics` tells of the last step. Where a
   * callback has it, every step computes what that takes; it is read when it is told.
   */
  onDiagnostics?(diagnostics: Diagnostics): void | Promise<void>;

  /** Called last, however training ended: frees what `onTrainBegin` opened. */
  onClose?(): void | Promise<void>;
}

/** The callbacks that are such, also those of another copy of this package. */
export function ganCallbacks(callbacks: object[]): GanCallback[] {
  return callbacks.filter((one): one is GanCallback => typeof (one as Partial<GanCallback>).setGan === 'function');
}
