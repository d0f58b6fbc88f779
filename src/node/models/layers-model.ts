import * as tf from '@tensorflow/tfjs';
import {nonFiniteWeight} from '../../finite.js';
// Models that hold such layers load wherever this is imported.
import '../../models/pixel-shuffle.js';
import '../../models/spectral-normalization.js';
import {isOfKeras3, translateKeras3} from './keras3.js';
import type {ModelSource} from './model-source.js';
import type {StoredType} from './stored-weights.js';
import {storeWeights} from './stored-weights.js';
import type {ValueRange} from './upscalerjs-topology.js';
import {translateUpscalerJs} from './upscalerjs-topology.js';

const WEIGHTS_FILE = 'weights.bin';

/** Bytes of a weight in a file, where they are not 4. */
const BYTES: Readonly<Record<string, number>> = {uint8: 1, uint16: 2, float16: 2, bool: 1};

/**
 * Reads a layers model of TensorFlow.js: `model.json` and the weights beside it.
 *
 * @param range of values that the model takes and makes, where that is known: see `translateUpscalerJs`.
 * @throws what is wrong with it, without its name.
 */
export async function readLayersModel(source: ModelSource, range?: ValueRange): Promise<tf.LayersModel> {
  const parsed = parseModel(new TextDecoder().decode(await source.readModel()));
  if (parsed.format === 'graph-model') throw new Error('it is a graph model, and a layers model is needed');
  const json = translateUpscalerJs(isOfKeras3(parsed) ? translateKeras3(parsed) : parsed, range);
  const weightSpecs = json.weightsManifest.flatMap(group => group.weights);
  const files = json.weightsManifest.flatMap(group => group.paths);
  const weights = Buffer.concat(await Promise.all(files.map(file => source.readBeside(file))));
  requireLength(weightSpecs, weights.length);
  const weightData = new Uint8Array(weights).buffer;
  let model: tf.LayersModel;
  try {
    model = await tf.loadLayersModel(tf.io.fromMemory({modelTopology: json.modelTopology, weightSpecs, weightData}));
  } catch (error) {
    throw explained(error);
  }
  const bad = await nonFiniteWeight(model);
  if (bad === undefined) return model;
  model.dispose();
  throw new Error(`its weight ${bad}, so its training has diverged; train again with smaller learning rates`);
}

/** Whether it is one by its name, as all are that `tf.loadLayersModel` reads. */
export function isLayersModel({name}: ModelSource): boolean {
  return /\.json([?#]|$)/.test(name);
}

/** The files of a layers model, `model.json` last: it names the other. @throws if a weight is too large for float16. */
export async function layersModelFiles(
  model: tf.LayersModel,
  weights: StoredType,
): Promise<[name: string, data: string | Uint8Array][]> {
  let artifacts: tf.io.ModelArtifacts = {};
  const modelArtifactsInfo: tf.io.ModelArtifactsInfo = {dateSaved: new Date(), modelTopologyType: 'JSON'};
  const handler = tf.io.withSaveHandler(made => {
    artifacts = made;
    return Promise.resolve({modelArtifactsInfo});
  });
  await model.save(handler);
  const {modelTopology, weightSpecs = [], weightData, format, generatedBy, convertedBy} = artifacts;
  const {specs, bytes} = storeWeights(weightSpecs, tf.io.CompositeArrayBuffer.join(weightData), weights);
  const weightsManifest = [{paths: [WEIGHTS_FILE], weights: specs}];
  const json = JSON.stringify({modelTopology, format, generatedBy, convertedBy, weightsManifest});
  return [
    [WEIGHTS_FILE, bytes],
    ['model.json', json],
  ];
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

function requireLength(specs: tf.io.WeightsManifestEntry[], length: number): void {
  const expected = specs.reduce((sum, {shape, dtype, quantization}) => {
    const bytes = BYTES[quantization?.dtype ?? dtype] ?? 4;
    return sum + tf.util.sizeFromShape(shape) * bytes;
  }, 0);
  if (expected !== length) throw new Error(`its weights have ${length} bytes instead of ${expected}`);
}
