import {join} from 'node:path';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {Diagnostics} from '../../training/diagnostics.js';
import {GanCallback} from '../../training/gan-callback.js';
import {loggedScalars} from '../system/logged-scalars.js';
import type {Value} from './event.js';
import {EventFile} from './event-file.js';
import {histogramOf} from './histogram.js';
import {NewPictures} from './new-pictures.js';

/** What `tensorBoard` can be told. */
export interface TensorBoardOptions {
  /** Steps between two points of a curve, each a mean over them: a whole number from 1. Default 10. */
  logEvery?: number;
  /** A folder of PNG files: each is shown once it is written. Default: the samples of a run, none for a mere folder. */
  samples?: string;
  /** Whether what `GAN.diagnostics` tells of each such step is shown too. Default true. */
  diagnostics?: boolean;
}

const TENSORBOARD: OptionNames<TensorBoardOptions> = {logEvery: true, samples: true, diagnostics: true};

/** The folder of a run, as far as TensorBoard is concerned. */
export interface RunWithSamples {
  /** The run's folder: the event files are in `tensorboard` in it. */
  path: string;
  /** The folder of its sample sheets. */
  samples: string;
  /** Called before anything is written: throws if the folder is not this run's any more. */
  requireLock?(): Promise<void>;
}

/** What `tensorBoard` makes: a callback, which can be told more. */
export interface TensorBoardCallback extends GanCallback {
  /**
   * Shows numbers of your own at a step, by tag; those whose tags have the same beginning up to a slash are shown together.
   *
   * @throws one line naming the event file if it cannot be written.
   */
  add(step: number, scalars: Record<string, number>): Promise<void>;
}

/**
 * A callback of `GAN.fitDataset` that writes what TensorBoard shows (`tensorboard --logdir logdir`): every loss as
 * `loss/NAME`, the scalars of `GAN.diagnostics`, the logits as histograms, and sample sheets.
 *
 * Training that goes on, from a `gan.step` that was set to the checkpoint's, adds a file to the folder, and what was told of
 * later steps before is not shown any more. A process that is killed leaves all but the last event readable.
 *
 * @param where a folder for the event files, or a run.
 * @param options see `TensorBoardOptions`.
 * @throws if an option is unknown or `logEvery` is not a whole number from 1; while it trains one line naming the file, if
 *   it cannot be written.
 * @example
 * const photos = photoDataset('photos', {patch: 64, batch: 8});
 * await gan.fitDataset(photos, {epochs: 1, batchesPerEpoch: 100, callbacks: tensorBoard('logs/first')});
 */
export function tensorBoard(where: string | RunWithSamples, options: TensorBoardOptions = {}): TensorBoardCallback {
  requireKnownOptions('tensorBoard', options, TENSORBOARD);
  const {logEvery = 10, diagnostics = true} = options;
  if (!Number.isSafeInteger(logEvery) || logEvery < 1) {
    throw new Error(`tensorBoard: logEvery must be a whole number of at least 1, but it is ${logEvery}.`);
  }
  const samples = options.samples ?? (typeof where === 'string' ? undefined : where.samples);
  const place = typeof where === 'string' ? {folder: where} : {...where, folder: join(where.path, 'tensorboard')};
  return new EventWriter({...place, samples}, logEvery, diagnostics);
}

class EventWriter extends GanCallback implements TensorBoardCallback {
  private file: EventFile | undefined;
  /** The newest step that was told of. */
  private latest = 0;
  private readonly pictures?: NewPictures;
  override onDiagnostics?: (told: Diagnostics) => Promise<void>;

  constructor(
    private readonly place: {folder: string; samples: string | undefined; requireLock?(): Promise<void>},
    logEvery: number,
    diagnostics: boolean,
  ) {
    super({logEvery});
    if (diagnostics) this.onDiagnostics = told => this.explain(told);
    if (place.samples !== undefined) this.pictures = new NewPictures(place.samples);
  }

  override async onTrainBegin(): Promise<void> {
    if (this.gan.step < this.latest) this.file = undefined;
    await this.open(this.gan.step);
    await this.addPictures(this.gan.step);
  }

  /** At each step, so that a picture is shown before a checkpoint of its step is there to go on from. */
  override async onBatchEnd(): Promise<void> {
    await this.addPictures(this.gan.step);
  }

  override async onLogs(step: number, logs: Record<string, number>): Promise<void> {
    await this.add(step, Object.fromEntries(Object.entries(logs).map(([name, value]) => [`loss/${name}`, value])));
  }

  private async explain(told: Diagnostics): Promise<void> {
    const histograms = Object.entries(told.histograms).flatMap(([name, values]) => {
      const histogram = histogramOf(values);
      return histogram ? [[name, histogram] as const] : [];
    });
    const values: Record<string, Value> = {...loggedScalars(told), ...Object.fromEntries(histograms)};
    this.latest = told.step;
    await (await this.open(told.step)).write(told.step, values);
  }

  override async onTrainEnd(): Promise<void> {
    await this.addPictures(this.gan.step);
  }

  async add(step: number, scalars: Record<string, number>): Promise<void> {
    this.latest = step;
    await (await this.open(step)).write(step, scalars);
    await this.addPictures(step);
  }

  /** The file that is under way, or another that begins behind a step. */
  private async open(step: number): Promise<EventFile> {
    await this.place.requireLock?.();
    if (this.file) return this.file;
    // The pictures of a run that goes on are in its earlier files.
    if (step > 0) await this.pictures?.skip();
    return (this.file = new EventFile(this.place.folder, step === 0 ? 0 : step + 1));
  }

  /** Pictures that are named by a step are shown at that. */
  private async addPictures(step: number): Promise<void> {
    for (const [name, picture] of (await this.pictures?.take()) ?? []) {
      await (await this.open(step)).write(Number(/\d+$/.exec(name)?.[0] ?? step), {samples: picture});
    }
  }
}
