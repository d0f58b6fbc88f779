import type * as tf from '@tensorflow/tfjs';
import {layersModelFiles} from './layers-model.js';
import {onnxModelFile} from './onnx/onnx-model.js';
import type {FloatType} from './pytorch/arrays.js';
import {safetensorsModelFile} from './pytorch/safetensors-model.js';
import type {StoredType} from './stored-weights.js';
import {upscalerJsFiles} from './upscalerjs-folder.js';

/** A kind of file, or of folder, that a model is saved as. */
export type ModelFormat = 'tfjs' | 'upscalerjs' | 'safetensors' | 'onnx';

/** How a format is written. */
export interface FormatWriter {
  /** What the numbers of the weights can be. */
  types: readonly StoredType[];
  /** How the name ends, where it is a single file. */
  ending?: string;
  /**
   * The files in the order in which they are to appear, by their names in the model's folder; one without a name is a single
   * file.
   *
   * @throws why the model cannot be written, without the name of where.
   */
  encode: (model: tf.LayersModel, weights: StoredType) => Promise<[name: string, data: string | Uint8Array][]>;
}

export const FORMATS: Readonly<Record<ModelFormat, FormatWriter>> = {
  tfjs: {types: ['float32', 'float16', 'uint8'], encode: layersModelFiles},
  upscalerjs: {types: ['float32', 'float16', 'uint8'], encode: upscalerJsFiles},
  safetensors: {
    types: ['float32', 'float16', 'bfloat16'],
    ending: '.safetensors',
    encode: async (model, weights) => [['', await safetensorsModelFile(model, weights as FloatType)]],
  },
  onnx: {
    types: ['float32', 'float16'],
    ending: '.onnx',
    encode: async (model, weights) => [['', await onnxModelFile(model, weights as 'float32' | 'float16')]],
  },
};
