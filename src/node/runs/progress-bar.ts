import type * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import {GanCallback} from '../../training/gan-callback.js';
import {Pace} from './pace.js';
import {progressDisplay} from './progress-display.js';

/** What `progressBar` can be told. */
export interface ProgressBarOptions {
  /**
   * The step at which training ends, where it is trained in several parts or goes on. Default: so many as `fitDataset` is
   * asked for, behind those taken before.
   */
  steps?: number;
  /** What is trained, in a word or two at the beginning of the line. Default `'training'`. */
  label?: string;
  /** Steps between two readings of the losses, each a mean over them: a whole number from 1. Default 10. */
  logEvery?: number;
  /** Where it is shown. Default `process.stdout`. */
  output?: NodeJS.WriteStream;
}

const PROGRESS_BAR: OptionNames<ProgressBarOptions> = {steps: true, label: true, logEvery: true, output: true};

/** What `progressBar` makes: a callback, beside which lines can be printed. */
export interface ProgressBarCallback extends GanCallback {
  /** Prints a line above the bar. */
  say(line: string): void;
}

/**
 * A callback of `GAN.fitDataset` that shows how far training is, its speed, the time left and the losses: a bar in a
 * terminal, and a plain line every five seconds elsewhere.
 *
 * @param options see `ProgressBarOptions`.
 * @throws if an option is unknown, or `steps` or `logEvery` is not a whole number from 1.
 * @example
 * const photos = photoDataset('photos', {patch: 64, batch: 8});
 * const bar = progressBar();
 * const tell = {onEpochEnd: (epoch: number) => bar.say(`epoch ${epoch} is done`)};
 * await gan.fitDataset(photos, {epochs: 10, batchesPerEpoch: 1000, callbacks: [bar, tell]});
 */
export function progressBar(options: ProgressBarOptions = {}): ProgressBarCallback {
  requireKnownOptions('progressBar', options, PROGRESS_BAR);
  const {steps, label = 'training', logEvery = 10, output = process.stdout} = options;
  for (const [name, count] of Object.entries({steps: steps ?? 1, logEvery})) {
    if (Number.isSafeInteger(count) && count >= 1) continue;
    throw new Error(`progressBar: ${name} must be a whole number of at least 1, but it is ${count}.`);
  }
  return new Bar(steps, label, logEvery, output);
}

class Bar extends GanCallback implements ProgressBarCallback {
  private readonly display: ReturnType<typeof progressDisplay>;
  private pace: Pace | undefined;

  constructor(
    private readonly steps: number | undefined,
    private readonly label: string,
    logEvery: number,
    output: NodeJS.WriteStream,
  ) {
    super({logEvery});
    this.display = progressDisplay(output);
  }

  override onTrainBegin(): Promise<void> {
    const {step} = this.gan;
    const {epochs, initialEpoch, steps: perEpoch} = this.params as Record<string, number | undefined>;
    const asked = perEpoch === undefined ? undefined : step + (epochs! - initialEpoch!) * perEpoch;
    const last = this.steps ?? asked;
    this.pace = new Pace(step, last ?? Infinity);
    this.display.start(step, last);
    return Promise.resolve();
  }

  override onLogs(_: number, logs: Record<string, number>): void {
    this.display.losses(logs);
  }

  override onBatchEnd(_: number, logs?: tf.Logs): Promise<void> {
    const {step} = this.gan;
    this.display.step(step, this.label, this.pace!.after(step, Number(logs?.size)));
    return Promise.resolve();
  }

  override onClose(): void {
    this.display.stop();
  }

  say(line: string): void {
    this.display.say(line);
  }
}
