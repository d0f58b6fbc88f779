import type * as tf from '@tensorflow/tfjs';
import {InvalidArgumentError} from 'commander';
import {DEFAULT_MODEL, DEFAULT_SHARPNESS, loadDefaultModel} from '../node/models/default-model.js';
import {loadModel} from '../node/models/files.js';
import {runModel} from '../node/runs/run-model.js';

/** What `loadModel` takes, in a few words. */
export const MODEL_FORMS =
  "a folder with model.json, the .safetensors file of an ESRGAN or of Real-ESRGAN's compact network, the URL of either, or @upscalerjs/esrgan-slim/4x if that is installed";

/** `--model` of a command that does without. */
export const MODEL_OPTION = [
  '--model <model>',
  `a run's folder, ${MODEL_FORMS} (default: "default", the one that comes with tfjs-ragan, which enlarges four times)`,
] as const;

/** `--sharpness` of a command that does without `--model`. */
export const SHARPNESS_OPTION = [
  '--sharpness <share>',
  `of the model that comes with tfjs-ragan: from 0, true to the picture, to 1, sharpest (default: ${DEFAULT_SHARPNESS})`,
  sharpness,
] as const;

function sharpness(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be from 0 to 1.');
  return value;
}

/**
 * Loads the model that `--model` names: a run's folder, or anything that `loadModel` takes; without one, or by
 * "default", the package's.
 *
 * @throws one line, as `loadModel`, or if there is a sharpness for a model that has only one.
 */
export async function loadRunModel(model = DEFAULT_MODEL, sharpness?: number): Promise<tf.LayersModel> {
  if (model === DEFAULT_MODEL) return loadDefaultModel(sharpness === undefined ? {} : {sharpness});
  if (sharpness !== undefined)
    throw new Error('--sharpness is of the model that comes with tfjs-ragan; leave out --model');
  return loadModel(runModel(model));
}
