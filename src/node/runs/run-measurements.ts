import type * as tf from '@tensorflow/tfjs';
import type {GAN} from '../../training/gan.js';
import type {TensorBoardCallback} from '../tensorboard/callback.js';
import type {Scores, ValidationPhoto} from './evaluation.js';
import type {Stage, TrainEvents} from './events.js';
import type {JsonLogCallback} from './json-log.js';
import type {Measured, RunScores} from './run-scores.js';
import {measure, writeDown} from './run-scores.js';

/** Measures a run's model on its validation photos as it trains, and tells the log, TensorBoard and who listens. */
export class RunMeasurements {
  /** What was measured last, and at which step. */
  private last: (Measured & {step: number}) | undefined;

  constructor(
    private readonly run: {
      gan: GAN;
      scale: number;
      log: JsonLogCallback;
      tensorBoard?: TensorBoardCallback;
      events: TrainEvents;
      model: () => tf.LayersModel;
      photos: () => ValidationPhoto[];
    },
  ) {}

  /** At a point of the run, of which the scores are written down. */
  async at(point: 'start' | 'afterWarmup' | 'end', scores: RunScores): Promise<void> {
    const {gan, log, events} = this.run;
    const measured = await this.measure();
    writeDown(point, measured, scores);
    await log.add(gan.step, {evaluation: point, ...measured.model});
    events.onEvaluation?.(point, measured.model, measured.bicubic);
  }

  /** At any step. */
  async ofStep(stage: Stage): Promise<Scores> {
    const {gan, log} = this.run;
    const isNew = this.last?.step !== gan.step;
    const {model} = await this.measure();
    if (isNew) await log.add(gan.step, {stage, ...model});
    return model;
  }

  /** The same step is measured once. */
  private async measure(): Promise<Measured> {
    const {gan, scale, tensorBoard, model, photos} = this.run;
    if (this.last?.step === gan.step) return this.last;
    this.last = {step: gan.step, ...(await measure(model(), photos(), scale))};
    const scalars = Object.entries(this.last.model).map(([name, value]) => [`validation/${name}`, value] as const);
    await tensorBoard?.add(gan.step, Object.fromEntries(scalars));
    return this.last;
  }
}
