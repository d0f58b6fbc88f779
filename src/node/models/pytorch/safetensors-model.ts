import type * as tf from '@tensorflow/tfjs';
import {nonFiniteWeight} from '../../../finite.js';
import {compactSizes} from '../../../models/compact-sizes.js';
import {esrganSizes} from '../../../models/esrgan-sizes.js';
import type {SafetensorsTensor} from '../../../models/safetensors.js';
import {readSafetensors, writeSafetensors} from '../../../models/safetensors.js';
import {requireRoom} from '../stored-weights.js';
import type {FloatType} from './arrays.js';
import {compactFromPyTorch, compactToPyTorch} from './compact-weights.js';
import {esrganFromPyTorch, esrganToPyTorch} from './esrgan-weights.js';

/** Under which a file may have all of its tensors, as training programs' checkpoints do. */
const PREFIX = /^(params_ema|params|module|generator|model\.module)\./;

/** The network that a safetensors file holds the weights of, told by their names and shapes. @throws what is wrong with it. */
export async function readSafetensorsModel(file: Uint8Array): Promise<tf.LayersModel> {
  const tensors = withoutPrefix(contents(file));
  const model = esrganFromPyTorch(tensors) ?? compactFromPyTorch(tensors);
  if (!model) {
    const names = Object.keys(tensors);
    throw new Error(
      `it holds ${names.length} tensors (${names.slice(0, 2).join(', ')}, ...), and the weights of an ESRGAN would be read, ` +
        "by the names of BasicSR, Real-ESRGAN or ESRGAN's first release, or of Real-ESRGAN's compact network",
    );
  }
  const bad = await nonFiniteWeight(model);
  if (bad === undefined) return model;
  model.dispose();
  throw new Error(`its weight ${bad}`);
}

/**
 * A safetensors file of the weights of an `esrganGenerator` or a `compactGenerator`, by PyTorch's names and in its layout.
 *
 * @throws if the model is another, or a weight is too large for float16.
 */
export async function safetensorsModelFile(model: tf.LayersModel, type: FloatType): Promise<Uint8Array> {
  const tensors = await toPyTorchNames(model, type);
  for (const [name, {data}] of Object.entries(tensors)) requireRoom(name, data as Float32Array, type);
  return writeSafetensors(tensors, {format: 'pt'});
}

function toPyTorchNames(model: tf.LayersModel, type: FloatType): Promise<Record<string, SafetensorsTensor>> {
  const esrgan = esrganSizes(model);
  if (esrgan) return esrganToPyTorch(model, esrgan, type);
  const compact = compactSizes(model);
  if (compact) return compactToPyTorch(model, compact, type);
  throw new Error(
    'PyTorch has names for the layers of an ESRGAN as esrganGenerator makes it, and it is neither that nor a compactGenerator; ' +
      'write it in another format',
  );
}

function contents(file: Uint8Array): Record<string, SafetensorsTensor> {
  try {
    return readSafetensors(file).tensors;
  } catch (error) {
    throw new Error((error as Error).message.replace('readSafetensors: ', ''), {cause: error});
  }
}

function withoutPrefix(tensors: Record<string, SafetensorsTensor>): Record<string, SafetensorsTensor> {
  const names = Object.keys(tensors);
  const [prefix = ''] = PREFIX.exec(names[0] ?? '') ?? [];
  if (prefix === '' || !names.every(name => name.startsWith(prefix))) return tensors;
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
