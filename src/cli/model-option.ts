import type * as tf from '@tensorflow/tfjs';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {loadModel} from '../node/models/files.js';

/** Loads the model that `--model` names: a run's folder, or the folder of a model. */
export function loadRunModel(folder: string): Promise<tf.LayersModel> {
  const ofRun = join(folder, 'model');
  return loadModel(existsSync(join(ofRun, 'model.json')) ? ofRun : folder);
}
