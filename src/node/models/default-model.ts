import type * as tf from '@tensorflow/tfjs';
import {join} from 'node:path';
import {packageFolder} from '../setup/package-folder.cjs';
import {loadModel} from './files.js';

/**
 * Loads the model that comes with the package: an RRDBNet of 32 filters, growth 16 and 2 blocks that enlarges four times,
 * trained on pixels by this package's own command. From [batch, height, width, 3] in [0, 1] to four times the height and
 * width. `models/x4/README.md` says how it was made and what it scores.
 *
 * @throws one line where the package's folder is not found, as in a program that a bundler has made one file of.
 * @example
 * const generator = await loadDefaultModel();
 * const large = await upscale(generator, tf.zeros([64, 64, 3]));
 */
export async function loadDefaultModel(): Promise<tf.LayersModel> {
  return loadModel(join(packageFolder(), 'models', 'x4'));
}
