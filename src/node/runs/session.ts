import type * as tf from '@tensorflow/tfjs';
import {rename, rm} from 'node:fs/promises';
import {NonFiniteError} from '../../finite.js';
import type {Vgg19Features} from '../../models/vgg19-features.js';
import {collapseWarnings} from '../../training/collapse-warnings.js';
import type {GAN} from '../../training/gan.js';
import type {GanCallback} from '../../training/gan-callback.js';
import {NonFiniteStepsError} from '../../training/skipped-steps.js';
import type {CheckpointsCallback} from './checkpoints.js';
import {checkpoints} from './checkpoints.js';
import {comparisons} from './comparison.js';
import {DivergenceError} from './divergence-error.js';
import {disposePhotos, requireFinitePictures} from './evaluation.js';
import {compiledEsrgan, disposeWhole} from './esrgan.js';
import {writeFileAtomically} from '../system/files.js';
import {saveModel} from '../models/files.js';
import {photoDataset} from '../photos/dataset.js';
import {realEsrganDegradation} from '../photos/degradation/degradation.js';
import type {PhotoFile} from '../photos/pairs.js';
import {writeReport} from './report.js';
import {requireResumable} from './resumed-settings.js';
import type {RunFolder} from './folder.js';
import type {RunPhotos} from './photos.js';
import type {JsonLogCallback} from './json-log.js';
import {jsonLog} from './json-log.js';
import {rewindLog} from './log.js';
import {RunEvents} from './run-events.js';
import {RunMeasurements} from './run-measurements.js';
import type {RunScores} from './run-scores.js';
import {noScores} from './run-scores.js';
import type {Stage, TrainEvents, TrainResult} from './events.js';
import type {TrainSummary} from './summary.js';
import {sampleSheet} from './sample-sheet.js';
import type {SampleSheetsCallback} from './sample-sheets.js';
import {sampleSheets, sheetFile, sheetOfStep} from './sample-sheets.js';
import type {TrainSettings} from './settings.js';
import {locatePaths, withAbsolutePaths} from './saved-paths.js';
import type {TensorBoardCallback} from '../tensorboard/callback.js';
import {tensorBoard} from '../tensorboard/callback.js';
import type {ValidationChoice} from './validation-photos.js';
import {NOTHING_CHOSEN, validationPhotos} from './validation-photos.js';

/** What a checkpoint remembers besides weights. */
interface Progress {
  settings: TrainSettings;
  step: number;
  seconds: number;
  validation: RunScores;
  /** Missing before the first step, and in checkpoints of earlier versions. */
  measuredOn?: ValidationChoice;
}

/** Losses are logged as means over this many steps. */
const LOG_EVERY = 10;

/** A run of `trainEsrgan`, in a folder that it has taken. */
export class Session {
  private readonly gan: GAN;
  private readonly steps: number;
  private validation = NOTHING_CHOSEN;
  private photos: PhotoFile[] = [];
  private progress: Progress;
  private startedAt = 0;
  private readonly log: JsonLogCallback;
  private readonly sheets: SampleSheetsCallback;
  private readonly tensorBoard: TensorBoardCallback | undefined;
  private readonly told: RunEvents;
  private readonly checkpoints: CheckpointsCallback;
  private readonly collapse: GanCallback;
  private readonly measurements: RunMeasurements;

  constructor(
    private readonly settings: TrainSettings,
    private readonly folder: RunFolder,
    private readonly events: TrainEvents & Required<Pick<TrainEvents, 'onWarning'>>,
    private readonly backend: string,
    generator: tf.LayersModel,
    features: Vgg19Features | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.gan = compiledEsrgan(settings, generator, events.onWarning, features);
    this.steps = settings.warmupSteps + settings.steps;
    this.progress = {settings: withAbsolutePaths(settings), step: 0, seconds: 0, validation: noScores()};
    this.told = new RunEvents(events, {steps: this.steps, batch: settings.batch, logEvery: LOG_EVERY}, signal);
    const values = () => ({stage: this.told.stage, captured: this.captured()});
    this.log = jsonLog(folder, {logEvery: LOG_EVERY, values});
    const draw = () => sampleSheet(this.shown, this.validation.photos.slice(0, 4));
    this.sheets = sampleSheets(folder, {draw, every: settings.sampleEvery});
    if (settings.tensorboard) this.tensorBoard = tensorBoard(folder, {logEvery: LOG_EVERY});
    this.measurements = new RunMeasurements({
      ...{gan: this.gan, scale: settings.scale, log: this.log, events},
      ...(this.tensorBoard && {tensorBoard: this.tensorBoard}),
      model: () => this.shown,
      photos: () => this.validation.photos,
    });
    this.collapse = collapseWarnings({logEvery: LOG_EVERY, onWarning: events.onWarning});
    this.checkpoints = checkpoints(folder, {
      every: settings.checkpointEvery,
      keep: settings.keepCheckpoints ?? 2,
      state: () => this.state(),
      ...(settings.keepBest && {best: {metric: settings.keepBest, mode: 'max', measure: () => this.score()}}),
      onWarning: events.onWarning,
    });
  }

  async run(listed: RunPhotos, reason: string): Promise<TrainResult> {
    const {settings, events, gan, signal} = this;
    try {
      if (settings.resume) await this.restore();
      await this.choosePhotos(listed);
      const firstStep = gan.step;
      events.onStart?.({
        backend: this.backend,
        reason,
        passes: gan.passes,
        photos: this.photos.length,
        validation: this.validation.description,
        firstStep,
        steps: this.steps,
      });
      if (firstStep === 0) {
        // Whatever ends the run from here on, it can be resumed; and a full disk is told of before any work is done.
        await this.checkpoints.save(gan);
        await this.measurements.at('start', this.progress.validation);
      }
      this.startedAt = Date.now();
      await this.train('warm-up', settings.warmupSteps);
      if (firstStep <= settings.warmupSteps && !signal?.aborted) {
        await this.sheets.write('after-warm-up', gan);
        await this.measurements.at('afterWarmup', this.progress.validation);
      }
      await this.train('GAN', this.steps);
      return await this.finish();
    } catch (error) {
      const {last} = this.checkpoints;
      if (!(error instanceof NonFiniteError) || last === undefined) throw error;
      const losses = error instanceof NonFiniteStepsError ? error.losses : this.told.losses;
      throw new DivergenceError(error, gan.step, losses, last.file, last.step);
    } finally {
      disposePhotos(this.validation.photos);
      disposeWhole(gan);
    }
  }

  /** Those to measure on, and those to learn from. */
  private async choosePhotos(listed: RunPhotos): Promise<void> {
    const {progress} = this;
    this.validation = await validationPhotos(this.settings, listed, this.events.onWarning, progress.measuredOn);
    const {choice, heldOut} = this.validation;
    // Scores of other photos do not compare.
    if (progress.measuredOn && JSON.stringify(progress.measuredOn) !== JSON.stringify(choice)) {
      progress.validation = noScores();
      this.checkpoints.forgetBest();
    }
    progress.measuredOn = choice;
    this.photos = listed.data.filter(file => !heldOut.includes(file));
  }

  /** Steps from where the run is to `lastStep`, or to an abort. */
  private async train(stage: Stage, lastStep: number): Promise<void> {
    const {settings, gan} = this;
    if (gan.step >= lastStep || this.signal?.aborted) return;
    this.told.stage = stage;
    const dataset = photoDataset(this.photos, {
      patch: settings.patch,
      batch: settings.batch,
      scale: settings.scale,
      seed: settings.seed,
      firstBatch: gan.step,
      ...(settings.degradation === 'real-esrgan' && {degradation: realEsrganDegradation()}),
      onWarning: this.events.onWarning,
    });
    await gan.fitDataset(dataset, {
      epochs: 1,
      batchesPerEpoch: lastStep - gan.step,
      adversarial: stage === 'GAN',
      // A checkpoint comes last: what is of its step is there before it.
      callbacks: [
        ...[this.log, this.told, this.collapse, this.sheets],
        ...(this.tensorBoard ? [this.tensorBoard] : []),
        this.checkpoints,
      ],
    });
  }

  private async finish(): Promise<TrainResult> {
    const {gan, folder, settings} = this;
    const {step} = gan;
    const finished = step >= this.steps;
    if (finished) {
      await this.sheets.write('end', gan);
      await this.measurements.at('end', this.progress.validation);
    }
    await this.checkpoints.save(gan);
    await saveModel(this.shown, folder.model);
    const seconds = this.seconds();
    const summary: TrainSummary = {
      backend: this.backend,
      steps: step,
      seconds: round(seconds, 1),
      imagesPerSecond: seconds > 0 ? round((step * settings.batch) / seconds, 2) : 0,
      captured: this.captured(),
      validation: this.progress.validation,
    };
    await writeFileAtomically(folder.summary, JSON.stringify(summary, null, 2) + '\n');
    const compared = await comparisons(this.shown, this.validation.photos.slice(0, 4));
    await writeReport(folder, settings, summary, this.validation.description, compared);
    return {finished, step, summary};
  }

  /** What the run makes: the average of the generator's weights, where there is one. */
  private get shown(): tf.LayersModel {
    return (this.settings.weightAverage ?? 0) > 0 ? this.gan.averagedGenerator : this.gan.generator;
  }

  private captured(): boolean {
    return this.gan.captureStatus?.state === 'captured';
  }

  /** The score by which the best checkpoint is known; the model goes into a folder of its own where it is the best so far. */
  private async score(): Promise<number> {
    const scores = await this.measurements.ofStep(this.told.stage);
    const score = scores[this.settings.keepBest!];
    if (score > (this.checkpoints.best?.value ?? -Infinity)) await saveModel(this.shown, this.folder.bestModel);
    return score;
  }

  /** What a checkpoint keeps besides the GAN; none is written of one that makes no pictures any more. */
  private async state(): Promise<Progress> {
    // Weights can be finite and what the model makes of pictures not.
    await requireFinitePictures(this.gan.generator, this.validation.photos[0]!);
    return {...this.progress, step: this.gan.step, seconds: this.seconds()};
  }

  private async restore(): Promise<void> {
    const {folder} = this;
    const resumed = await this.checkpoints.resume(this.gan, async ({state, step}) => {
      const settings = await locatePaths((state as Progress).settings, this.settings.out);
      requireResumable(this.settings, {settings, step}, this.events.onWarning);
    });
    const {file, step, state} = resumed!;
    await rewindLog(folder.log, step);
    this.progress = {...(state as Progress), settings: this.progress.settings};
    if (step >= this.steps) return;
    // An end that training goes on from was none.
    for (const points of Object.values(this.progress.validation)) delete points.end;
    const end = sheetFile(folder, 'end');
    // It is of this step, unless the checkpoint after it was damaged.
    if (file === folder.checkpoint) await rename(end, sheetFile(folder, sheetOfStep(step))).catch(() => undefined);
    else await rm(end, {force: true});
  }

  /** Seconds of training, those before a resume included. */
  private seconds(): number {
    return this.progress.seconds + (this.startedAt === 0 ? 0 : (Date.now() - this.startedAt) / 1000);
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
