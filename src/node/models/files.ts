import type * as tf from '@tensorflow/tfjs';
import {join} from 'node:path';
import {NonFiniteError, nonFiniteWeight} from '../../finite.js';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions, requireOneOf} from '../../options.js';
import {fileError, writeFilesAtomically} from '../system/files.js';
import {FORMATS} from './formats.js';
import type {ModelFormat} from './formats.js';
import {isLayersModel, readLayersModel} from './layers-model.js';
import {readSafetensorsModel} from './pytorch/safetensors-model.js';
import {locateModel} from './locate.js';
import type {StoredType} from './stored-weights.js';

/** How a model is saved. */
export interface SaveModelOptions {
  /**
   * `'tfjs'`: a folder with `model.json` and `weights.bin`, which `tf.loadLayersModel` reads. `'upscalerjs'`:
   * the same with an `index.js`, whose default export `new Upscaler({model})` takes. `'safetensors'`: a file of the
   * weights of an `esrganGenerator` or `compactGenerator` by PyTorch's names, which BasicSR, Real-ESRGAN and spandrel
   * know. `'onnx'`: a file with free height and width, from `[batch, 3, height, width]`, of the layers of this package's
   * generators and UpscalerJS's models. Default `'tfjs'`.
   */
  format?: ModelFormat;
  /**
   * What the numbers of the weights are in the file; once loaded they are float32 again. `'float16'` takes half of the bytes;
   * `'uint8'` (tfjs) a quarter: a kernel's numbers are rounded to 256 steps from its lowest to its highest, biases stay
   * float32; `'bfloat16'` (safetensors) half, with fewer digits and all of float32's range. Default `'float32'`.
   */
  weights?: StoredType;
}

const SAVE_MODEL_OPTIONS: OptionNames<SaveModelOptions> = {format: true, weights: true};

/**
 * Saves a model for this package or for other programs. What its place held before is replaced, once the new model is written
 * whole; other files in a folder stay.
 *
 * @param path a folder or, for the formats that are one, a file that ends in `.safetensors` or `.onnx`; folders are made where
 *   they are missing.
 * @throws one line naming the file that cannot be written, or the weight that holds NaN, Infinity or, for float16, a number
 *   beyond 65504; then the model that was there before is still there.
 * @example
 * await saveModel(generator, 'run/model');
 * await saveModel(generator, 'public/model', {weights: 'float16'}); // half the bytes, for a page
 * await saveModel(generator, 'esrgan.safetensors', {format: 'safetensors'}); // for PyTorch
 */
export async function saveModel(model: tf.LayersModel, path: string, options: SaveModelOptions = {}): Promise<void> {
  requireKnownOptions('saveModel', options, SAVE_MODEL_OPTIONS);
  const {format = 'tfjs', weights = 'float32'} = options;
  requireOneOf('saveModel', 'format', format, Object.keys(FORMATS));
  const {types, ending, encode} = FORMATS[format];
  requireOneOf('saveModel', `weights for the format ${format}`, weights, types);
  if (ending !== undefined && !path.endsWith(ending)) {
    throw new Error(`saveModel: path must end in ${ending} for the format ${format}, but it is ${path}.`);
  }
  const bad = await nonFiniteWeight(model);
  if (bad !== undefined) throw new NonFiniteError(`cannot save a model to ${path}: its weight ${bad}`, `weight ${bad}`);
  const files = await encode(model, weights).catch((error: unknown) => {
    throw fileError('save a model to', path, error);
  });
  await writeFilesAtomically(files.map(([name, data]) => [join(path, name), data]));
}

/**
 * Loads a model: one that `saveModel`, tfjs itself or tensorflowjs_converter saved, those of Keras 3 among them where their
 * layers are among those of TensorFlow.js, one of UpscalerJS, or a network of PyTorch as a safetensors file: an ESRGAN by the
 * names of BasicSR, Real-ESRGAN or ESRGAN's first release, with or without pixel unshuffle, or Real-ESRGAN's compact
 * network. Models of UpscalerJS for values up to 255 become such from [0, 1] to [0, 1], as all others are.
 *
 * @param what a folder with `model.json` and the weight files in it, the path of a `model.json` or of a safetensors file, the
 *   URL of any of these, or the name of an installed model of UpscalerJS, `@upscalerjs/default-model` or
 *   `@upscalerjs/esrgan-slim/4x`, or its folder.
 * @throws one line naming the file: missing, damaged, of another kind, of layers that are not registered or not known, or
 *   with weights that hold NaN or Infinity.
 * @example
 * const generator = await loadModel('run/model');
 * const published = await loadModel('RRDB_ESRGAN_x4.safetensors');
 */
export async function loadModel(what: string): Promise<tf.LayersModel> {
  const {source, range} = await locateModel(what);
  try {
    if (isLayersModel(source)) return await readLayersModel(source, range);
    return await readSafetensorsModel(await source.readModel());
  } catch (error) {
    throw fileError('load a model from', source.name, error);
  }
}
