import type * as tf from '@tensorflow/tfjs';
import {join} from 'node:path';
import {interpolateWeights} from '../../models/interpolate-weights.js';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import {packageFolder} from '../setup/package-folder.cjs';
import {loadModel} from './files.js';

/** Which of the models in the box `loadDefaultModel` gives. */
export interface DefaultModelOptions {
  /**
   * Between the model after its training on pixels, 0, which is the truest to the picture, and after that against a critic,
   * 1, which is the sharpest. Default 0.85.
   */
  sharpness?: number;
}

const DEFAULT_MODEL_OPTIONS: OptionNames<DefaultModelOptions> = {sharpness: true};

/** By which name commands know it. A folder of that name is `./default`. */
export const DEFAULT_MODEL = 'default';

/** Where it looks best. */
export const DEFAULT_SHARPNESS = 0.85;

/**
 * Loads the model that comes with the package: an RRDBNet of 32 filters, growth 16 and 2 blocks that enlarges four times,
 * trained by this package on pixels, then against a relativistic critic, its weights between the two as `sharpness` says
 * (see `interpolateWeights`). From [batch, height, width, 3] in [0, 1] to four times the height and width.
 * `models/x4/README.md` says how it was made and what it scores. A page finds the two in the package's files as
 * `models/x4/model.json` and `models/x4-sharp/model.json`.
 *
 * @throws if an option is unknown or `sharpness` is out of range; one line where the package's folder is not found, as in a
 *   program that a bundler has made one file of.
 * @example
 * const generator = await loadDefaultModel({sharpness: 1});
 * const large = await upscale(generator, tf.zeros([64, 64, 3]));
 */
export async function loadDefaultModel(options: DefaultModelOptions = {}): Promise<tf.LayersModel> {
  requireKnownOptions('loadDefaultModel', options, DEFAULT_MODEL_OPTIONS);
  const {sharpness = DEFAULT_SHARPNESS} = options;
  if (!(sharpness >= 0 && sharpness <= 1)) {
    throw new Error(`loadDefaultModel: sharpness must be from 0 to 1, but it is ${sharpness}.`);
  }
  const load = (name: string) => loadModel(join(packageFolder(), 'models', name));
  const model = await load('x4');
  if (sharpness === 0) return model;
  const sharp = await load('x4-sharp');
  interpolateWeights(model, sharp, sharpness);
  sharp.dispose();
  return model;
}
