import * as tf from '@tensorflow/tfjs';
import {stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {NonFiniteError, nonFiniteWeight} from '../../finite.js';
import {fileError, writeFilesAtomically} from '../system/files.js';
import {readLayersModel} from './layers-model.js';
import type {ModelSource} from './model-source.js';
import {folderSource, isUrl, urlSource} from './model-source.js';
import {findPackagedModel, isUpscalerJsName, modelInPackage} from './upscalerjs-package.js';
import type {ValueRange} from './upscalerjs-topology.js';

const WEIGHTS_FILE = 'weights.bin';

/**
 * Saves a model as `model.json` and `weights.bin` in a folder, the layout that `tf.loadLayersModel` reads from a URL. A
 * model that the folder held before is replaced, once the new one is written whole; other files stay.
 *
 * @throws one line naming the file that cannot be written, or the weight that holds NaN or Infinity; then the model that
 *   was there before is still there.
 * @example
 * await saveModel(generator, 'run/model');
 */
export async function saveModel(model: tf.LayersModel, folder: string): Promise<void> {
  const handler = tf.io.withSaveHandler(async artifacts => {
    const {modelTopology, weightSpecs = [], format, generatedBy, convertedBy} = artifacts;
    const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
    const weightsManifest = [{paths: [WEIGHTS_FILE], weights: weightSpecs}];
    const json = JSON.stringify({modelTopology, format, generatedBy, convertedBy, weightsManifest});
    await writeFilesAtomically([
      [join(folder, WEIGHTS_FILE), weights],
      [join(folder, 'model.json'), json],
    ]);
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON' as const}};
  });
  const bad = await nonFiniteWeight(model);
  if (bad !== undefined)
    throw new NonFiniteError(`cannot save a model to ${folder}: its weight ${bad}`, `weight ${bad}`);
  await model.save(handler);
}

/**
 * Loads a model: one that `saveModel`, tfjs itself or tensorflowjs_converter saved, those of Keras 3 among them where their
 * layers are among those of TensorFlow.js, or one of UpscalerJS. Models of UpscalerJS for values up to 255 become such from
 * [0, 1] to [0, 1], as all others are.
 *
 * @param what a folder with `model.json` and the weight files in it, the path of a `model.json`, the URL of either, or the
 *   name of an installed model of UpscalerJS, `@upscalerjs/default-model` or `@upscalerjs/esrgan-slim/4x`, or its folder.
 * @throws one line naming the file: missing, damaged, not a layers model, of layers that are not registered, or with
 *   weights that hold NaN or Infinity.
 * @example
 * const generator = await loadModel('run/model');
 */
export async function loadModel(what: string): Promise<tf.LayersModel> {
  const {source, range} = await naming(what, () => locate(what));
  return naming(source.name, () => readLayersModel(source, range));
}

async function locate(what: string): Promise<{source: ModelSource; range?: ValueRange}> {
  if (isUrl(what)) return {source: urlSource(what)};
  const there = await stat(what).catch(() => undefined);
  if (!there && isUpscalerJsName(what)) {
    const {folder, range} = findPackagedModel(what);
    return {source: folderSource(folder), range};
  }
  if (there?.isFile()) return {source: folderSource(dirname(what), basename(what))};
  return {source: folderSource(modelInPackage(what))};
}

async function naming<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw fileError('load a model from', name, error);
  }
}
