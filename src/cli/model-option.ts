import type * as tf from '@tensorflow/tfjs';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {loadDefaultModel} from '../node/models/default-model.js';
import {loadModel} from '../node/models/files.js';

/** What `loadModel` takes, in a few words. */
export const MODEL_FORMS =
  "a folder with model.json, an ESRGAN's .safetensors file, the URL of either, or @upscalerjs/esrgan-slim/4x if that is installed";

/** `--model` of a command that does without. */
export const MODEL_OPTION = [
  '--model <model>',
  `a run's folder, ${MODEL_FORMS} (default: the one that comes with tfjs-ragan, which enlarges four times)`,
] as const;

/** Loads the model that `--model` names: a run's folder, or anything that `loadModel` takes; without one, the package's. */
export function loadRunModel(model: string | undefined): Promise<tf.LayersModel> {
  return model === undefined ? loadDefaultModel() : loadModel(runModel(model));
}

/** The model in a run's folder; anything else that `loadModel` takes is itself. */
export function runModel(model: string): string {
  const ofRun = join(model, 'model');
  return existsSync(join(ofRun, 'model.json')) ? ofRun : model;
}
