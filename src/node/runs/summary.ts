import type {Scores} from './evaluation.js';

/** One measure at the four points of a run. */
export type Points = Partial<Record<'bicubic' | 'start' | 'afterWarmup' | 'end', number>>;

/** `summary.json`. */
export interface TrainSummary {
  /** The backend the run ended on. */
  backend: string;
  /** Steps taken, over both stages and all resumptions. */
  steps: number;
  /** Time from the first step to the end, without that between a stop and a resumption. */
  seconds: number;
  /** High-resolution patches learned from, per second of `seconds`. */
  imagesPerSecond: number;
  /** Whether the steps ran as one TensorFlow call each: see `captureStep`. */
  captured: boolean;
  /** Means over the central part of the validation photos. */
  validation: Record<keyof Scores, Points>;
}
