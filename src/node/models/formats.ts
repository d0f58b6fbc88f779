import type * as tf from '@tensorflow/tfjs';
import {layersModelFiles} from './layers-model.js';
import type {StoredType} from './stored-weights.js';

/** A kind of file, or of folder, that a model is saved as. */
export type ModelFormat = 'tfjs';

/** How a format is written. */
export interface FormatWriter {
  /** What the numbers of the weights can be. */
  types: readonly StoredType[];
  /**
   * The files in the order in which they are to appear, by their names in the model's folder.
   *
   * @throws why the model cannot be written, without the name of where.
   */
  encode: (model: tf.LayersModel, weights: StoredType) => Promise<[name: string, data: string | Uint8Array][]>;
}

export const FORMATS: Readonly<Record<ModelFormat, FormatWriter>> = {
  tfjs: {types: ['float32', 'float16', 'uint8'], encode: layersModelFiles},
};
