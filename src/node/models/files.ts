import * as tf from '@tensorflow/tfjs';
import {readFile} from 'node:fs/promises';
import {isAbsolute, join, normalize, sep} from 'node:path';
import {NonFiniteError, nonFiniteWeight} from '../../finite.js';
// Models that hold such layers load wherever this is imported.
import '../../models/spectral-normalization.js';
import {fileError, writeFilesAtomically} from '../system/files.js';
import {isOfKeras3, translateKeras3} from './keras3.js';

const WEIGHTS_FILE = 'weights.bin';

/** Bytes of a weight in a file, where they are not 4. */
const BYTES: Readonly<Record<string, number>> = {uint8: 1, uint16: 2, float16: 2, bool: 1};

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
 * Loads what `saveModel`, tfjs itself or tensorflowjs_converter saved: a folder with `model.json` and the weight files in
 * it. Models of Keras 3 load too, where their layers are among those of TensorFlow.js.
 *
 * @throws one line naming the file: missing, damaged, not a layers model, of layers that are not registered, or with
 *   weights that hold NaN or Infinity.
 * @example
 * const generator = await loadModel('run/model');
 */
export async function loadModel(folder: string): Promise<tf.LayersModel> {
  const path = join(folder, 'model.json');
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('load a model from', path, error);
  }
  try {
    const parsed = parseModel(content);
    const json = isOfKeras3(parsed) ? translateKeras3(parsed) : parsed;
    if (json.format === 'graph-model') throw new Error('it is a graph model, and a layers model is needed');
    const weightSpecs = json.weightsManifest.flatMap(group => group.weights);
    const files = json.weightsManifest.flatMap(group => group.paths);
    files.forEach(requireInside);
    const weights = Buffer.concat(await Promise.all(files.map(file => readWeights(join(folder, file)))));
    requireLength(weightSpecs, weights.length);
    const weightData = new Uint8Array(weights).buffer;
    const model = await tf.loadLayersModel(
      tf.io.fromMemory({modelTopology: json.modelTopology, weightSpecs, weightData}),
    );
    const bad = await nonFiniteWeight(model);
    if (bad === undefined) return model;
    model.dispose();
    throw new Error(`its weight ${bad}, so its training has diverged; train again with smaller learning rates`);
  } catch (error) {
    throw fileError('load a model from', path, explained(error));
  }
}

/** tfjs's words for an unknown class begin a list and end there; these have the way out. */
function explained(error: unknown): unknown {
  const [, kind, name] = /^Unknown (\w+): (\S+)\. /.exec((error as Error).message) ?? [];
  if (kind === undefined) return error;
  return new Error(
    `its ${kind} ${name} is none that TensorFlow.js has; if it is yours, call ` +
      `tf.serialization.registerClass(${name}) before loading, and if it comes from Python, write such a class first`,
    {cause: error},
  );
}

/** Weights lie in the model's folder or below it: a file from elsewhere names no others of this machine. */
function requireInside(file: string): void {
  if (isAbsolute(file) || normalize(file).split(sep)[0] === '..') {
    throw new Error(`its weights file ${file} is not in its folder`);
  }
}

function parseModel(content: string): tf.io.ModelJSON {
  let json: Partial<tf.io.ModelJSON> | null;
  try {
    json = JSON.parse(content) as Partial<tf.io.ModelJSON> | null;
  } catch (error) {
    throw new Error('it is damaged, or not JSON', {cause: error});
  }
  if (!json?.modelTopology || !Array.isArray(json.weightsManifest)) throw new Error('it is not a TensorFlow.js model');
  return json as tf.io.ModelJSON;
}

async function readWeights(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(fileError('read its weights from', file, error).message, {cause: error});
  }
}

function requireLength(specs: tf.io.WeightsManifestEntry[], length: number): void {
  const expected = specs.reduce((sum, {shape, dtype, quantization}) => {
    const bytes = BYTES[quantization?.dtype ?? dtype] ?? 4;
    return sum + tf.util.sizeFromShape(shape) * bytes;
  }, 0);
  if (expected !== length) throw new Error(`its weights have ${length} bytes instead of ${expected}`);
}
