import * as tf from '@tensorflow/tfjs';
import {rename} from 'node:fs/promises';
import {join} from 'node:path';
import {NonFiniteError} from '../../finite.js';
import {upscale} from '../../images/upscale.js';
import {vggDiscriminator} from '../../models/vgg-discriminator.js';
import {requireKnownOptions} from '../../options.js';
import {l1Loss} from '../../training/content-loss.js';
import {GAN} from '../../training/gan.js';
import {rampThenCosine, setLearningRate} from '../../training/learning-rate.js';
import type {BackendName} from '../backends/choice.js';
import {useBackend} from '../backends/choice.js';
import {loadCheckpoint, readCheckpointState, saveCheckpoint} from './checkpoint.js';
import {comparisons} from './comparison.js';
import {DivergenceError} from './divergence-error.js';
import type {Scores} from './evaluation.js';
import {disposePhotos, evaluatePhoto, meanScores} from './evaluation.js';
import {writeFileAtomically} from '../system/files.js';
import {saveModel} from '../models/files.js';
import {photoDataset} from '../photos/dataset.js';
import {writeReport} from './report.js';
import {requireResumable} from './resumed-settings.js';
import type {RunFolder} from './folder.js';
import {takeRunFolder} from './folder.js';
import {runGenerator} from './generator.js';
import type {RunPhotos} from './photos.js';
import {listRunPhotos} from './photos.js';
import {appendToLog, rewindLog} from './log.js';
import {StepCallback} from './step-callback.js';
import type {Stage, TrainEvents, TrainResult} from './events.js';
import {TRAIN_EVENTS} from './events.js';
import type {Points, TrainSummary} from './summary.js';
import {writeSampleSheet} from './sample-sheet.js';
import type {TrainSettings} from './settings.js';
import {requireSettings} from './settings.js';
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
  validation: Record<keyof Scores, Points>;
  /** Missing before the first step, and in checkpoints of earlier versions. */
  measuredOn?: ValidationChoice;
}

/** Losses are logged as means over this many steps. */
const LOG_EVERY = 10;

/**
 * Trains an ESRGAN on a folder of photos: a warm-up on pixels, then the relativistic GAN; everything it makes goes to
 * `settings.out`.
 *
 * @param settings see `TrainSettings`; `DEFAULT_SETTINGS` has all but `data`.
 * @param signal aborts the run after the step under way, with a checkpoint.
 * @throws one line for anything wrong with the settings or the files, for a backend that cannot be used, or for a folder
 *   that another run uses or whose run the settings do not fit; nothing is left half-written. A `DivergenceError` when a
 *   loss, a weight or what the model makes is not finite any more: what was saved before stays.
 * @example
 * const {summary} = await trainEsrgan({...DEFAULT_SETTINGS, data: 'photos', out: 'run'});
 */
export async function trainEsrgan(
  settings: TrainSettings,
  events: TrainEvents = {},
  signal?: AbortSignal,
): Promise<TrainResult> {
  requireSettings(settings);
  requireKnownOptions('trainEsrgan events', events, TRAIN_EVENTS);
  const watched = {...events, onWarning: once(events.onWarning ?? console.warn)};
  const photos = await listRunPhotos(settings, watched.onWarning);
  const folder = await takeRunFolder(settings.out, {resume: settings.resume});
  try {
    const chosen = await useBackend(
      settings.backend as BackendName | 'auto',
      settings.threads === undefined ? {} : {threads: settings.threads},
    );
    const session = new Session(settings, folder, watched, chosen.backend, await runGenerator(settings, folder));
    return await session.run(photos, chosen.reason, signal);
  } catch (error) {
    // Where the folder is gone nothing in it can be written: then that is the reason.
    await folder.requireLock();
    throw error;
  } finally {
    await folder.release();
  }
}

class Session {
  private readonly gan: GAN;
  private readonly generatorOptimizer: tf.Optimizer;
  private readonly discriminatorOptimizer: tf.Optimizer;
  private readonly steps: number;
  private validation = NOTHING_CHOSEN;
  private photos: string[] = [];
  private progress: Progress;
  private startedAt = 0;
  private startedStep = 0;
  private losses: Record<string, number> = {};
  private readonly tensorBoard: TensorBoardCallback | undefined;
  /** The step of the checkpoint in the folder. */
  private savedStep: number | undefined;

  constructor(
    private readonly settings: TrainSettings,
    private readonly folder: RunFolder,
    private readonly events: TrainEvents & Required<Pick<TrainEvents, 'onWarning'>>,
    private readonly backend: string,
    generator: tf.LayersModel,
  ) {
    const {patch, discriminatorFilters, seed} = settings;
    this.gan = new GAN({
      generator,
      discriminator: vggDiscriminator({
        size: patch,
        filters: discriminatorFilters,
        maxFilters: 4 * discriminatorFilters,
        seed: seed + 1000,
      }),
    });
    // The short memory of the squared gradients suits runs of hundreds of steps.
    this.generatorOptimizer = tf.train.adam(settings.learningRate, 0.9, 0.99);
    this.discriminatorOptimizer = tf.train.adam(settings.discriminatorLearningRate, 0.9, 0.99);
    this.gan.compile({
      generatorOptimizer: this.generatorOptimizer,
      discriminatorOptimizer: this.discriminatorOptimizer,
      adversarialWeight: settings.adversarialWeight,
      generatorLosses: [{name: 'content', weight: settings.contentWeight, loss: l1Loss}],
      ...(settings.microBatch === undefined ? {} : {microBatchSize: settings.microBatch}),
      recompute: settings.recompute ?? false,
      ...(events.onWarning ? {onWarning: events.onWarning} : {}),
    });
    if (settings.tensorboard) this.tensorBoard = tensorBoard(folder, {logEvery: LOG_EVERY});
    this.steps = settings.warmupSteps + settings.steps;
    this.progress = {
      settings: withAbsolutePaths(settings),
      step: 0,
      seconds: 0,
      validation: noPoints(),
    };
  }

  async run(listed: RunPhotos, reason: string, signal?: AbortSignal): Promise<TrainResult> {
    const {settings, events, gan} = this;
    try {
      if (settings.resume) await this.restore();
      this.validation = await validationPhotos(settings, listed, events.onWarning, this.progress.measuredOn);
      const {measuredOn} = this.progress;
      // Scores of other photos do not compare.
      if (measuredOn && JSON.stringify(measuredOn) !== JSON.stringify(this.validation.choice)) {
        this.progress.validation = noPoints();
      }
      this.progress.measuredOn = this.validation.choice;
      const heldOut = new Set(this.validation.heldOut);
      this.photos = listed.data.filter(file => !heldOut.has(file));
      const {step: firstStep} = this.progress;
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
        await this.checkpoint();
        await this.evaluate('start');
      }
      this.startedAt = Date.now();
      this.startedStep = firstStep;
      await this.train('warm-up', settings.warmupSteps, signal);
      if (firstStep <= settings.warmupSteps && !signal?.aborted) {
        await this.sample('after-warm-up');
        await this.evaluate('afterWarmup');
      }
      await this.train('GAN', this.steps, signal);
      return await this.finish();
    } catch (error) {
      if (!(error instanceof NonFiniteError) || this.savedStep === undefined) throw error;
      throw new DivergenceError(error, this.progress.step, this.losses, this.folder.checkpoint, this.savedStep);
    } finally {
      disposePhotos(this.validation.photos);
      gan.dispose();
      tf.dispose(gan.generator.weights.map(weight => weight.read()));
      tf.dispose(gan.discriminator.weights.map(weight => weight.read()));
      this.generatorOptimizer.dispose();
      this.discriminatorOptimizer.dispose();
    }
  }

  /** Steps from where the run is to `lastStep`, or to an abort. */
  private async train(stage: Stage, lastStep: number, signal?: AbortSignal): Promise<void> {
    const {settings, gan, events} = this;
    if (this.progress.step >= lastStep || signal?.aborted) return;
    const first = stage === 'GAN' ? settings.warmupSteps : 0;
    const rate = stage === 'GAN' ? settings.learningRate : settings.warmupLearningRate;
    let failure: NonFiniteError | undefined;
    const dataset = photoDataset(this.photos, {
      patch: settings.patch,
      batch: settings.batch,
      scale: settings.scale,
      seed: settings.seed,
      firstBatch: this.progress.step,
      onWarning: events.onWarning,
    });
    await gan.fitDataset(dataset, {
      epochs: Math.ceil((lastStep - this.progress.step) / LOG_EVERY),
      batchesPerEpoch: LOG_EVERY,
      adversarial: stage === 'GAN',
      callbacks: [
        new StepCallback({
          before: () => {
            const factor = rampThenCosine(this.progress.step - first, lastStep - first);
            setLearningRate(this.generatorOptimizer, rate * factor);
            if (stage === 'GAN')
              setLearningRate(this.discriminatorOptimizer, settings.discriminatorLearningRate * factor);
          },
          after: async () => {
            const step = ++this.progress.step;
            events.onStep?.(step, stage, this.speed());
            if (step >= lastStep || signal?.aborted) gan.stopTraining = true;
            try {
              if (step % settings.sampleEvery === 0) await this.sample(sheetOfStep(step));
              if (step % settings.checkpointEvery === 0) await this.checkpoint();
            } catch (error) {
              if (!(error instanceof NonFiniteError)) throw error;
              // The losses are told first.
              failure = error;
              gan.stopTraining = true;
            }
          },
          afterSome: async losses => {
            await this.log({step: this.progress.step, stage, captured: this.captured(), ...losses});
            events.onLosses?.(this.progress.step, losses);
            this.losses = losses;
            if (failure) throw failure;
            const bad = Object.entries(losses).find(([, loss]) => !Number.isFinite(loss));
            if (bad) throw new NonFiniteError('a loss is not finite', `${bad[0]} is ${bad[1]}`);
          },
        }),
        ...(this.tensorBoard ? [this.tensorBoard] : []),
      ],
    });
    await this.checkpoint();
  }

  private async finish(): Promise<TrainResult> {
    const finished = this.progress.step >= this.steps;
    if (finished) {
      await this.sample('end');
      await this.evaluate('end');
    }
    await this.checkpoint();
    await saveModel(this.gan.generator, this.folder.model);
    const {step, validation} = this.progress;
    const seconds = this.seconds();
    const summary: TrainSummary = {
      backend: this.backend,
      steps: step,
      seconds: round(seconds, 1),
      imagesPerSecond: seconds > 0 ? round((step * this.settings.batch) / seconds, 2) : 0,
      captured: this.captured(),
      validation,
    };
    await writeFileAtomically(this.folder.summary, JSON.stringify(summary, null, 2) + '\n');
    const compared = await comparisons(this.gan.generator, this.validation.photos.slice(0, 4));
    await writeReport(this.folder, this.settings, summary, this.validation.description, compared);
    return {finished, step, summary};
  }

  private captured(): boolean {
    return this.gan.captureStatus?.state === 'captured';
  }

  private async evaluate(point: 'start' | 'afterWarmup' | 'end'): Promise<void> {
    const scores = [];
    for (const photo of this.validation.photos)
      scores.push(await evaluatePhoto(this.gan.generator, photo, this.settings.scale));
    const [model, bicubic] = [meanScores(scores.map(one => one.model)), meanScores(scores.map(one => one.bicubic))];
    for (const name of Object.keys(this.progress.validation) as (keyof Scores)[]) {
      this.progress.validation[name].bicubic = round(bicubic[name], 4);
      this.progress.validation[name][point] = round(model[name], 4);
    }
    await this.log({step: this.progress.step, evaluation: point, ...model});
    const scalars = Object.entries(model).map(([name, value]) => [`validation/${name}`, value] as const);
    await this.tensorBoard?.add(this.progress.step, Object.fromEntries(scalars));
    this.events.onEvaluation?.(point, model, bicubic);
  }

  private sheetFile(name: string): string {
    return join(this.folder.samples, `${name}.png`);
  }

  private async sample(name: string): Promise<void> {
    await this.folder.requireLock();
    await writeSampleSheet(this.sheetFile(name), this.gan.generator, this.validation.photos.slice(0, 4));
  }

  private async log(record: Record<string, unknown>): Promise<void> {
    await this.folder.requireLock();
    await appendToLog(this.folder.log, {...record, seconds: round(this.seconds(), 1)});
  }

  private trained() {
    const {generator, discriminator} = this.gan;
    const {generatorOptimizer, discriminatorOptimizer} = this;
    return {models: {generator, discriminator}, optimizers: {generatorOptimizer, discriminatorOptimizer}};
  }

  private async checkpoint(): Promise<void> {
    await this.requireFinitePictures();
    await this.folder.requireLock();
    await saveCheckpoint(this.folder.checkpoint, this.trained(), {...this.progress, seconds: this.seconds()});
    this.savedStep = this.progress.step;
  }

  /** Weights can be finite and what the model makes of pictures not. */
  private async requireFinitePictures(): Promise<void> {
    const [photo] = this.validation.photos;
    const size = Math.min(photo!.low.shape[0], photo!.low.shape[1], 16);
    const cutting = tf.slice(photo!.low, [0, 0, 0], [size, size, 3]);
    try {
      tf.dispose(await upscale(this.gan.generator, cutting));
    } finally {
      cutting.dispose();
    }
  }

  private async restore(): Promise<void> {
    const saved = (await readCheckpointState(this.folder.checkpoint)) as Progress;
    const settings = await locatePaths(saved.settings, this.settings.out);
    requireResumable(this.settings, {settings, step: saved.step}, this.events.onWarning);
    await loadCheckpoint(this.folder.checkpoint, this.trained());
    await rewindLog(this.folder.log, saved.step);
    this.progress = {...saved, settings: this.progress.settings};
    // An end that training goes on from was none.
    for (const points of Object.values(this.progress.validation)) delete points.end;
    await rename(this.sheetFile('end'), this.sheetFile(sheetOfStep(saved.step))).catch(() => undefined);
    this.savedStep = this.gan.step = saved.step;
  }

  /** Seconds of training, those before a resume included. */
  private seconds(): number {
    return this.progress.seconds + (this.startedAt === 0 ? 0 : (Date.now() - this.startedAt) / 1000);
  }

  private speed() {
    const done = this.progress.step - this.startedStep;
    const perStep = (Date.now() - this.startedAt) / 1000 / Math.max(1, done);
    return {imagesPerSecond: this.settings.batch / perStep, secondsLeft: perStep * (this.steps - this.progress.step)};
  }
}

/** Each stage opens the photos anew; what is wrong with one of them is told once. */
function once(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return message => {
    if (!told.has(message)) warn(message);
    told.add(message);
  };
}

/** The name of the sample sheet of a step. */
function sheetOfStep(step: number): string {
  return `step-${String(step).padStart(6, '0')}`;
}

/** Before anything is measured. */
function noPoints(): Progress['validation'] {
  return {psnrY: {}, ssimY: {}, sharpness: {}};
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
