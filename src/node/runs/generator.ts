import * as tf from '@tensorflow/tfjs';
import {readFile, rm} from 'node:fs/promises';
import {modelScale} from '../../images/model-scale.js';
import {compactGenerator} from '../../models/compact-generator.js';
import {esrganGenerator} from '../../models/esrgan-generator.js';
import {hasPixelUnshuffle} from '../../models/pixel-unshuffle.js';
import {DEFAULT_MODEL, loadDefaultModel} from '../models/default-model.js';
import {loadModel} from '../models/files.js';
import {fileError, writeFileAtomically} from '../system/files.js';
import type {RunFolder} from './folder.js';
import {runModel} from './run-model.js';
import type {TrainSettings} from './settings.js';

/**
 * The network that a run trains: an ESRGAN or a compact generator of the settings' size, with the weights of `init` where
 * that is one too; or else `init` itself, whatever its layers. Such a one is described in the run's folder, for a run that
 * goes on.
 *
 * @throws one line: the model cannot be loaded, is an ESRGAN of another size, or enlarges by another factor.
 */
export async function runGenerator(settings: TrainSettings, folder: RunFolder): Promise<tf.LayersModel> {
  const {scale, filters, growth, blocks, convolutions = 16, seed, init, resume, network = 'esrgan'} = settings;
  const make = () =>
    network === 'compact'
      ? compactGenerator({scale, filters, convolutions, seed})
      : esrganGenerator({scale, filters, growth, blocks, seed});
  if (resume) return (await described(folder.network)) ?? make();
  // Of a run that could not begin.
  await rm(folder.network, {force: true});
  if (init === undefined) return make();
  const model = init === DEFAULT_MODEL ? await loadDefaultModel({sharpness: 1}) : await loadModel(runModel(init));
  const own = make();
  try {
    if (shapes(model) === shapes(own)) {
      tf.tidy(() => own.setWeights(model.getWeights()));
      model.dispose();
      return own;
    }
    own.dispose();
    if (model.name === own.name && !hasPixelUnshuffle(model)) {
      throw new Error(
        `cannot start from ${init}: it holds another network than ${network === 'compact' ? '--filters, --convolutions' : '--filters, --growth, --blocks'} and --scale say`,
      );
    }
    const enlarges = modelScale(model);
    if (enlarges !== scale) {
      throw new Error(`cannot start from ${init}: it enlarges ${enlarges} times; add --scale ${enlarges}`);
    }
    await writeFileAtomically(folder.network, JSON.stringify(model.toJSON(null, false)));
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function shapes(model: tf.LayersModel): string {
  return model.weights.map(weight => weight.shape.join()).join(' ');
}

/** The network that a file describes, with weights that are still to be read; undefined if there is no file. */
async function described(file: string): Promise<tf.LayersModel | undefined> {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw fileError('read', file, error);
  });
  if (content === undefined) return undefined;
  try {
    return await tf.models.modelFromJSON({modelTopology: JSON.parse(content) as tf.io.ModelJSON['modelTopology']});
  } catch (error) {
    throw fileError('read a network from', file, error);
  }
}
