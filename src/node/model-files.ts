import * as tf from '@tensorflow/tfjs';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError, replaceFolder} from './files.js';

const WEIGHTS_FILE = 'weights.bin';

/** Bytes of a weight in a file, where they are not 4. */
const BYTES: Readonly<Record<string, number>> = {uint8: 1, uint16: 2, float16: 2, bool: 1};

/**
 * Saves a model as a folder with `model.json` and `weights.bin`, the layout that `tf.loadLayersModel` reads from a URL. The
 * folder appears whole or not at all and replaces what it held before.
 *
 * @throws one line naming the folder if it cannot be written.
 * @example
 * await saveModel(generator, 'run/model');
 */
export async function saveModel(model: tf.LayersModel, folder: string): Promise<void> {
  await replaceFolder(folder, async beside => {
    const handler = tf.io.withSaveHandler(async artifacts => {
      const {modelTopology, weightSpecs = [], format, generatedBy, convertedBy} = artifacts;
      const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
      const json = {
        modelTopology,
        format,
        generatedBy,
        convertedBy,
        weightsManifest: [{paths: [WEIGHTS_FILE], weights: weightSpecs}],
      };
      await writeFile(join(beside, WEIGHTS_FILE), weights);
      await writeFile(join(beside, 'model.json'), JSON.stringify(json));
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON' as const}};
    });
    await model.save(handler);
  });
}

/**
 * Loads what `saveModel`, or tfjs itself, saved: a folder with `model.json` and the weight files it names.
 *
 * @throws one line naming the folder: missing, damaged, or not a layers model.
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
    const json = JSON.parse(content) as tf.io.ModelJSON;
    if (!json.modelTopology || !Array.isArray(json.weightsManifest)) throw new Error('it is not a TensorFlow.js model');
    if (json.format === 'graph-model') throw new Error('it is a graph model, and a layers model is needed');
    const weightSpecs = json.weightsManifest.flatMap(group => group.weights);
    const files = json.weightsManifest.flatMap(group => group.paths);
    const weights = Buffer.concat(await Promise.all(files.map(file => readFile(join(folder, file)))));
    requireLength(weightSpecs, weights.length);
    const weightData = new Uint8Array(weights).buffer;
    return await tf.loadLayersModel(tf.io.fromMemory({modelTopology: json.modelTopology, weightSpecs, weightData}));
  } catch (error) {
    throw fileError('load a model from', path, error);
  }
}

function requireLength(specs: tf.io.WeightsManifestEntry[], length: number): void {
  const expected = specs.reduce((sum, {shape, dtype, quantization}) => {
    const bytes = BYTES[quantization?.dtype ?? dtype] ?? 4;
    return sum + tf.util.sizeFromShape(shape) * bytes;
  }, 0);
  if (expected !== length) throw new Error(`its weights have ${length} bytes instead of ${expected}`);
}
