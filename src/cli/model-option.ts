import type * as tf from '@tensorflow/tfjs';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {loadModel} from '../node/models/files.js';

/** What `loadModel` takes, in a few words. */
export const MODEL_FORMS = 'a folder with model.json, its URL, or @upscalerjs/esrgan-slim/4x if that is installed';

/** Loads the model that `--model` names: a run's folder, or anything that `loadModel` takes. */
export function loadRunModel(model: string): Promise<tf.LayersModel> {
  const ofRun = join(model, 'model');
  return loadModel(existsSync(join(ofRun, 'model.json')) ? ofRun : model);
}
