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

/** Measures a model at a point of a run, and bicubic enlargement, and writes both down; returns the means over the photos. */
export async function measure(
  point: 'start' | 'afterWarmup' | 'end',
  model: tf.LayersModel,
  photos: ValidationPhoto[],
  scale: number,
  scores: RunScores,
): Promise<{model: Scores; bicubic: Scores}> {
  const measured = [];
  for (const photo of photos) measured.push(await evaluatePhoto(model, photo, scale));
  const means = {
    model: meanScores(measured.map(one => one.model)),
    bicubic: meanScores(measured.map(one => one.bicubic)),
  };
  for (const name of Object.keys(scores) as (keyof Scores)[]) {
    scores[name].bicubic = Number(means.bicubic[name].toFixed(4));
    scores[name][point] = Number(means.model[name].toFixed(4));
  }
  return means;
}
