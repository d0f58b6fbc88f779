import type * as tf from '@tensorflow/tfjs';
import type {Scores, ValidationPhoto} from './evaluation.js';
import {evaluatePhoto, meanScores} from './evaluation.js';
import type {Points} from './summary.js';

/** A run's scores at its points: what `summary.json` has of them. */
export type RunScores = Record<keyof Scores, Points>;

/** Before anything is measured. */
export function noScores(): RunScores {
  return {psnrY: {}, ssimY: {}, sharpness: {}};
}

/** What a model and bicubic enlargement score on photos: the means over them. */
export interface Measured {
  model: Scores;
  bicubic: Scores;
}

/** Measures a model, and bicubic enlargement. */
export async function measure(model: tf.LayersModel, photos: ValidationPhoto[], scale: number): Promise<Measured> {
  const measured = [];
  for (const photo of photos) measured.push(await evaluatePhoto(model, photo, scale));
  return {
    model: meanScores(measured.map(one => one.model)),
    bicubic: meanScores(measured.map(one => one.bicubic)),
  };
}

/** Writes down what was measured at a point of a run. */
export function writeDown(point: 'start' | 'afterWarmup' | 'end', {model, bicubic}: Measured, scores: RunScores): void {
  for (const name of Object.keys(scores) as (keyof Scores)[]) {
    scores[name].bicubic = Number(bicubic[name].toFixed(4));
    scores[name][point] = Number(model[name].toFixed(4));
  }
}
