import type {OptionNames} from '../../options.js';
import type {Scores} from './evaluation.js';
import type {TrainSummary} from './summary.js';

/** Where a run is: pixels alone first, then the relativistic GAN. */
export type Stage = 'warm-up' | 'GAN';

/** What a run can be watched by. */
export interface TrainEvents {
  /** Before the first step, and before anything is measured. */
  onStart?: (info: {
    backend: string;
    /** What the backend runs on: see `useBackend`. */
    reason: string;
    /** `'one'` or `'separate'`: see `GAN`. */
    passes: string;
    /** How many photos are learned from. */
    photos: number;
    /** In words, which photos are measured on. */
    validation: string;
    /** Steps taken before: not 0 for a run that goes on. */
    firstStep: number;
    /** Steps of the whole run. */
    steps: number;
  }) => void;
  /** After every step, with its number from 1 over both stages; speed and time left are of what was taken so far. */
  onStep?: (step: number, stage: Stage, speed: {imagesPerSecond: number; secondsLeft: number}) => void;
  /** Every so many steps: the mean losses since the last time. */
  onLosses?: (step: number, losses: Record<string, number>) => void;
  /** After each measurement, at `start`, `afterWarmup` and `end`: the means of the model's scores and of bicubic's. */
  onEvaluation?: (point: string, scores: Scores, bicubic: Scores) => void;
  /** Told of what a run goes on without, once each. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/** Their names. */
export const TRAIN_EVENTS: OptionNames<TrainEvents> = {
  onStart: true,
  onStep: true,
  onLosses: true,
  onEvaluation: true,
  onWarning: true,
};

/** The end of a run: finished, or stopped by the signal with a checkpoint to resume from. */
export interface TrainResult {
  /** False where the signal ended it. */
  finished: boolean;
  /** The steps taken, over both stages and all resumptions. */
  step: number;
  /** What was measured, as in `summary.json`. */
  summary: TrainSummary;
}
