import {rm} from 'node:fs/promises';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {CheckpointMetric} from '../../training/checkpoint.js';
import {putCheckpoint, takeCheckpoint} from '../../training/checkpoint.js';
import type {GAN} from '../../training/gan.js';
import {GanCallback} from '../../training/gan-callback.js';
import {fileError} from '../system/files.js';
import {DamagedCheckpointError, readCheckpoint, writeCheckpoint} from './checkpoint.js';
import {
  alsoName,
  bestIn,
  earlierIn,
  findCheckpoint,
  listCheckpoints,
  listEarlier,
  newestIn,
  stepOf,
} from './checkpoint-files.js';
import type {RunPlace} from './run-place.js';

/** By what `checkpoints` knows the best. */
export interface BestCheckpointOptions {
  /** A loss, as the logs name it, of which the mean since the last checkpoint counts; or the name of what is measured. */
  metric: string;
  /** Measures it at each checkpoint, of photos that are held out say. Default: the loss of that name. */
  measure?: (gan: GAN) => number | Promise<number>;
  /** Whether smaller is better. Default `'min'`. */
  mode?: 'min' | 'max';
}

/** What `checkpoints` can be told. */
export interface CheckpointsOptions {
  /**
   * A checkpoint at every multiple of this many steps, and when training ends; 0 for that alone. Where such a step is left out
   * since its losses or gradients are not finite, it waits for the next one that is not left out. Default 100.
   */
  every?: number;
  /** How many of the last ones stay: a whole number from 1. Default 2. */
  keep?: number;
  /** Keeps the best one too. Default: none. */
  best?: BestCheckpointOptions;
  /** What else to keep with each: anything JSON can hold. What it throws is thrown before anything is written. */
  state?: (gan: GAN) => unknown;
  /** Told in one line of each checkpoint that cannot be used. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

const CHECKPOINTS: OptionNames<CheckpointsOptions> = {
  every: true,
  keep: true,
  best: true,
  state: true,
  onWarning: true,
};
const BEST: OptionNames<BestCheckpointOptions> = {metric: true, measure: true, mode: true};

/** A checkpoint of a folder. */
export interface CheckpointPlace {
  /** Its path. */
  file: string;
  /** The step it is of. */
  step: number;
}

/** What `checkpoints` makes: a callback, which also goes on from what it has written. */
export interface CheckpointsCallback extends GanCallback {
  /** The newest checkpoint that is whole, written or gone on from; undefined if there is none yet. */
  readonly last: CheckpointPlace | undefined;
  /** The best one so far and its metric, where `best` is set; undefined if there is none yet. */
  readonly best: (CheckpointPlace & {value: number}) | undefined;
  /** Lets the next checkpoint be the best: what is measured is something else from now on. */
  forgetBest(): void;
  /**
   * Puts the newest whole checkpoint of the folder into a GAN built and compiled as that one was; give it the batches from
   * number `gan.step` on. Each one after it that is torn or altered is named to `onWarning`.
   *
   * @param check looks at it before anything changes, and throws to refuse it.
   * @returns what was gone on from; undefined if the folder holds no checkpoint.
   * @throws one line naming the file: all are damaged, or it cannot be read or is of another GAN.
   */
  resume(
    gan: GAN,
    check?: (found: CheckpointPlace & {state: unknown}) => void | Promise<void>,
  ): Promise<(CheckpointPlace & {state: unknown}) | undefined>;
  /**
   * Writes a checkpoint now.
   *
   * @throws one line naming the file: it cannot be written, or a weight is NaN or infinite, or the folder holds checkpoints
   *   that training did not go on from; then those there were stay.
   */
  save(gan?: GAN): Promise<void>;
}

/**
 * A callback of `GAN.fitDataset` that keeps checkpoints in a folder: the newest, `checkpoint.bin`; those before it,
 * `checkpoint-STEP.bin`, as far as `keep` goes; and `checkpoint-best.bin`. Each appears whole or not at all, and the one before
 * is removed only once it is on the disk. They hold all of a GAN: see `saveCheckpoint`. One that was torn or altered all the
 * same is found by its checksum, and the one before it used.
 *
 * @param where a folder, which is made if it is missing, or a run.
 * @param options see `CheckpointsOptions`.
 * @throws if an option is unknown or out of range; while it trains one line naming the file, as `save`.
 * @example
 * const saved = checkpoints('run', {every: 500, keep: 3, best: {metric: 'content'}});
 * await saved.resume(gan);
 * const photos = photoDataset('photos', {patch: 64, batch: 8, firstBatch: gan.step});
 * const initialEpoch = Math.floor(gan.step / 1000);
 * await gan.fitDataset(photos, {epochs: 10, batchesPerEpoch: 1000, initialEpoch, callbacks: saved});
 * if (saved.best) await loadCheckpoint(saved.best.file, gan);
 */
export function checkpoints(where: string | RunPlace, options: CheckpointsOptions = {}): CheckpointsCallback {
  requireKnownOptions('checkpoints', options, CHECKPOINTS);
  const {every = 100, keep = 2, best} = options;
  if (best !== undefined) requireKnownOptions('checkpoints best', best, BEST);
  requireWhole('every', every, 0);
  requireWhole('keep', keep, 1);
  if (best && (typeof best.metric !== 'string' || best.metric === '')) {
    throw new Error(`checkpoints: best.metric must be a name, but it is ${JSON.stringify(best.metric)}.`);
  }
  if (best && !['min', 'max', undefined].includes(best.mode)) {
    throw new Error(`checkpoints: best.mode must be 'min' or 'max', but it is ${JSON.stringify(best.mode)}.`);
  }
  return new Keeper(where, {...options, every, keep});
}

function requireWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new Error(`checkpoints: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
}

class Keeper extends GanCallback implements CheckpointsCallback {
  last: CheckpointPlace | undefined;
  best: (CheckpointPlace & {value: number}) | undefined;
  private readonly folder: string;
  /** Whether the checkpoints in the folder are of this training. */
  private isOwn = false;
  /** Damaged ones, which the next whole one takes the place of. */
  private damaged: string[] = [];
  /** The mean losses since the last checkpoint. */
  private logs: Record<string, number> = {};
  private isDue = false;
  /** Those of the GAN so far. */
  private skippedSteps = 0;

  constructor(
    private readonly where: string | RunPlace,
    private readonly options: CheckpointsOptions & Required<Pick<CheckpointsOptions, 'every' | 'keep'>>,
  ) {
    super({logEvery: options.best && !options.best.measure ? options.every || Number.MAX_SAFE_INTEGER : 0});
    this.folder = typeof where === 'string' ? where : where.path;
  }

  override async onTrainBegin(): Promise<void> {
    await this.requireOwn();
    this.skippedSteps = this.gan.skippedSteps;
  }

  override onLogs(_: number, logs: Record<string, number>): void {
    this.logs = logs;
  }

  override async onBatchEnd(): Promise<void> {
    const {step, skippedSteps} = this.gan;
    const isLeftOut = skippedSteps > this.skippedSteps;
    this.skippedSteps = skippedSteps;
    this.isDue ||= step % this.options.every === 0;
    if (!this.isDue) return;
    if (!isLeftOut) await this.save();
    // Where no step is good any more, the weights are none to go on from: they must not take the place of those before.
    else await this.options.state?.(this.gan);
  }

  override async onTrainEnd(): Promise<void> {
    if (this.last?.step !== this.gan.step) await this.save();
  }

  async resume(
    gan: GAN,
    check?: (found: CheckpointPlace & {state: unknown}) => void | Promise<void>,
  ): Promise<(CheckpointPlace & {state: unknown}) | undefined> {
    const found = await findCheckpoint(this.folder);
    if (!found) return undefined;
    const {file, content, damaged} = found;
    const {header} = content;
    const resumed = {file, step: stepOf(header), state: header.state};
    await check?.(resumed);
    await putCheckpoint(file, gan, {
      ...content,
      header: {...header, counters: {step: resumed.step, ...header.counters}},
    });
    this.last = {file, step: resumed.step};
    this.isOwn = true;
    for (const {message} of damaged) this.warn(`${message}; going on from ${file}, of step ${resumed.step}`);
    this.damaged = damaged.map(one => one.file);
    if (this.options.best) await this.findBest(this.last, header.metric);
    return resumed;
  }

  forgetBest(): void {
    this.best = undefined;
  }

  async save(gan = this.gan): Promise<void> {
    await this.requireOwn();
    const [newest, before] = [newestIn(this.folder), this.last];
    const state = (await this.options.state?.(gan)) ?? null;
    const metric = await this.measure(gan);
    const content = await takeCheckpoint(newest, gan, state);
    if (metric) content.header.metric = metric;
    if (typeof this.where !== 'string') await this.where.requireLock?.();
    const kept = before?.file === newest && before.step !== gan.step ? await this.keep(before) : undefined;
    try {
      await writeCheckpoint(newest, content);
    } catch (error) {
      if (kept !== undefined) await rm(kept, {force: true}).catch(() => undefined);
      throw error;
    }
    this.last = {file: newest, step: gan.step};
    this.isDue = false;
    await this.removeOld();
    if (metric) await this.consider(this.last, metric);
  }

  /** Gives the newest a name of its own while it is still there, so that there is a whole one at any time. */
  private async keep({file, step}: CheckpointPlace): Promise<string | undefined> {
    const name = earlierIn(this.folder, step);
    try {
      await alsoName(file, name);
      return name;
    } catch (error) {
      // No reason to lose the next one too; a disk that is full will be told of then.
      this.warn(`${(error as Error).message}; the checkpoint of step ${step} is not kept`);
      return undefined;
    }
  }

  private async requireOwn(): Promise<void> {
    if (this.isOwn) return;
    if ((await listCheckpoints(this.folder)).length > 0) {
      throw new Error(
        `checkpoints: ${this.folder} holds checkpoints that this training does not go on from; call resume(gan) first, or choose another folder.`,
      );
    }
    this.isOwn = true;
  }

  /** The metric of now; nothing where it is not finite, or no step has logged it. */
  private async measure(gan: GAN): Promise<CheckpointMetric | undefined> {
    const {best} = this.options;
    if (!best) return undefined;
    const value = best.measure ? await best.measure(gan) : this.logs[best.metric];
    const names = Object.keys(this.logs);
    this.logs = {};
    if (value === undefined && names.length > 0) {
      this.warn(`checkpoints: no step since the last one logged ${best.metric}, but only ${names.join(', ')}`);
    }
    return value !== undefined && Number.isFinite(value) ? {name: best.metric, value} : undefined;
  }

  /** Removes what came before those that stay, and what is damaged or of a training that was given up. */
  private async removeOld(): Promise<void> {
    const {step, file} = this.last!;
    const earlier = (await listEarlier(this.folder)).filter(one => !this.damaged.includes(one.file));
    const kept = earlier.filter(one => one.step < step).slice(0, this.options.keep - 1);
    const old = earlier.filter(one => !kept.includes(one)).map(one => one.file);
    for (const one of [...this.damaged, ...old]) {
      if (one === file) continue;
      await rm(one, {force: true}).catch((error: unknown) => {
        throw fileError('remove', one, error);
      });
    }
    this.damaged = [];
  }

  /** Keeps a checkpoint as the best, if it is. */
  private async consider({file, step}: CheckpointPlace, {value}: CheckpointMetric): Promise<void> {
    if (this.best) {
      const better = this.options.best!.mode === 'max' ? value > this.best.value : value < this.best.value;
      if (!better) return;
    }
    const name = bestIn(this.folder);
    await alsoName(file, name);
    this.best = {file: name, step, value};
    this.damaged = this.damaged.filter(one => one !== name);
  }

  /** The best of before, which may be the one that training goes on from. */
  private async findBest(resumed: CheckpointPlace, metric: CheckpointMetric | undefined): Promise<void> {
    const [file, {metric: wanted}] = [bestIn(this.folder), this.options.best!];
    this.best = undefined;
    if ((await listCheckpoints(this.folder)).includes(file) && !this.damaged.includes(file)) {
      try {
        const {header} = await readCheckpoint(file);
        if (header.metric?.name === wanted) this.best = {file, step: stepOf(header), value: header.metric.value};
      } catch (error) {
        if (!(error instanceof DamagedCheckpointError)) throw error;
        this.warn(`${error.message}; the best is sought anew`);
        this.damaged.push(file);
      }
    }
    // A process that was killed may have written it and not called it the best yet.
    if (metric?.name === wanted) await this.consider(resumed, metric);
  }

  private warn(message: string): void {
    (this.options.onWarning ?? console.warn)(message);
  }
}
