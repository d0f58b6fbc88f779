import {join} from 'node:path';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {GAN} from '../../training/gan.js';
import type {Diagnostics} from '../../training/diagnostics.js';
import {GanCallback} from '../../training/gan-callback.js';
import {fileError, makeFolder} from '../system/files.js';
import {loggedScalars} from '../system/logged-scalars.js';
import {appendToLog, rewindLog} from './log.js';
import type {RunPlace} from './run-place.js';

/** What `jsonLog` can be told. */
export interface JsonLogOptions {
  /** Steps between two records, each of the means over them: a whole number from 1. Default 10. */
  logEvery?: number;
  /** What each record tells besides the losses, by name. It is asked when the record is written. Default: nothing. */
  values?: (gan: GAN) => Record<string, unknown>;
  /** Whether each record has also what `GAN.diagnostics` tells of its last step. Default true. */
  diagnostics?: boolean;
}

const JSON_LOG: OptionNames<JsonLogOptions> = {logEvery: true, values: true, diagnostics: true};

/** What `jsonLog` makes: a callback, which can be told more. */
export interface JsonLogCallback extends GanCallback {
  /**
   * Writes a record of your own at a step. One of an evaluation has its name as `evaluation`.
   *
   * @throws one line naming the file if it cannot be written.
   */
  add(step: number, record: Record<string, unknown>): Promise<void>;
}

/**
 * A callback of `GAN.fitDataset` that keeps a log of every loss, `log.jsonl` in the folder of a run: a JSON object in each
 * line, `{step, discriminatorLoss, ..., seconds}`, as `tfjs-ragan train` does. `seconds` are those since training began, without
 * the time between a stop and going on. NaN and Infinity are null. Losses are means; what `GAN.diagnostics` tells, such as
 * `'gradientNorm/generator'`, is of the last step, and `'memory/residentBytes'` is the process's memory.
 *
 * Training that goes on, from a `gan.step` that was set to the checkpoint's, adds to the log, once what it tells of later
 * steps, and evaluations of that one, are taken out. A process that is killed leaves all lines but the last whole.
 *
 * @param where a folder, which is made if it is missing, or a run.
 * @param options see `JsonLogOptions`.
 * @throws if an option is unknown or `logEvery` is not a whole number from 1; while it trains one line naming the file, if
 *   it cannot be written.
 * @example
 * const photos = photoDataset('photos', {patch: 64, batch: 8});
 * const log = jsonLog('run', {logEvery: 50, values: gan => ({captured: gan.captureStatus?.state === 'captured'})});
 * await gan.fitDataset(photos, {epochs: 1, batchesPerEpoch: 1000, callbacks: log});
 * await log.add(gan.step, {evaluation: 'end', psnr: 30});
 */
export function jsonLog(where: string | RunPlace, options: JsonLogOptions = {}): JsonLogCallback {
  requireKnownOptions('jsonLog', options, JSON_LOG);
  const {logEvery = 10, values = () => ({}), diagnostics = true} = options;
  if (!Number.isSafeInteger(logEvery) || logEvery < 1) {
    throw new Error(`jsonLog: logEvery must be a whole number of at least 1, but it is ${logEvery}.`);
  }
  return new LogWriter(where, logEvery, values, diagnostics);
}

class LogWriter extends GanCallback implements JsonLogCallback {
  private readonly file: string;
  private isOpen = false;
  private startedAt: number | undefined;
  /** Of training before this process. */
  private secondsBefore = 0;
  private losses: Record<string, number> = {};
  override onDiagnostics?: (told: Diagnostics) => Promise<void>;

  constructor(
    private readonly where: string | RunPlace,
    logEvery: number,
    private readonly values: (gan: GAN) => Record<string, unknown>,
    diagnostics: boolean,
  ) {
    super({logEvery});
    if (diagnostics) this.onDiagnostics = told => this.write(told.step, loggedScalars(told));
    this.file = join(typeof where === 'string' ? where : where.path, 'log.jsonl');
  }

  override async onTrainBegin(): Promise<void> {
    await this.open(this.gan.step);
    this.startedAt ??= Date.now();
  }

  /** What is told of a step besides comes right after it, and into the same record. */
  override async onLogs(step: number, logs: Record<string, number>): Promise<void> {
    this.losses = logs;
    if (!this.onDiagnostics) await this.write(step);
  }

  private async write(step: number, scalars: Record<string, number> = {}): Promise<void> {
    const {losses} = this;
    this.losses = {};
    await this.add(step, {...this.values(this.gan), ...losses, ...scalars});
  }

  async add(step: number, record: Record<string, unknown>): Promise<void> {
    await this.open(step);
    const elapsed = this.startedAt === undefined ? 0 : (Date.now() - this.startedAt) / 1000;
    const seconds = Number((this.secondsBefore + elapsed).toFixed(1));
    await appendToLog(this.file, {step, ...record, seconds});
  }

  /** Takes out what training from `step` on tells again, once: later steps of the same process are new. */
  private async open(step: number): Promise<void> {
    if (typeof this.where !== 'string') await this.where.requireLock?.();
    if (this.isOpen) return;
    if (typeof this.where === 'string') await made(this.where);
    const kept = await rewindLog(this.file, step);
    this.secondsBefore = kept.reduce((most, {seconds}) => Math.max(most, Number(seconds) || 0), 0);
    this.isOpen = true;
  }
}

async function made(folder: string): Promise<void> {
  await makeFolder(folder).catch((error: unknown) => {
    throw fileError('write into', folder, error);
  });
}
