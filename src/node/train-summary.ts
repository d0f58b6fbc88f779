import type {Scores} from './evaluation.js';

/** One measure at the four points of a run. */
export type Points = Partial<Record<'bicubic' | 'start' | 'afterWarmup' | 'end', number>>;

/** `summary.json`. */
export interface TrainSummary {
  backend: string;
  steps: number;
  seconds: number;
  imagesPerSecond: number;
  /** Whether the steps ran as one TensorFlow call each: see `captureStep`. */
  captured: boolean;
  /** Means over the central part of the validation photos. */
  validation: Record<keyof Scores, Points>;
}
