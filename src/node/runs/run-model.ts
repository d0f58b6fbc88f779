import {existsSync} from 'node:fs';
import {join} from 'node:path';

/** The model in a run's folder; anything else that `loadModel` takes is itself. */
export function runModel(model: string): string {
  const ofRun = join(model, 'model');
  return existsSync(join(ofRun, 'model.json')) ? ofRun : model;
}
