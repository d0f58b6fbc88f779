import type * as tf from '@tensorflow/tfjs';
import {toFloat16} from '../../models/half-floats.js';

/** What the numbers of a model's weights are in its file. */
export type StoredType = 'float32' | 'float16' | 'bfloat16' | 'uint8';

/** Bytes of a number of each kind that a layer's weights can be of. */
const BYTES: Readonly<Record<string, number>> = {float32: 4, int32: 4, bool: 1};

/** The largest number of float16. */
const LARGEST_HALF = 65504;

/**
 * Weights of 32 bits as TensorFlow.js keeps them in files, with fewer where that is asked for.
 *
 * @throws if one is too large for float16.
 */
export function storeWeights(
  specs: tf.io.WeightsManifestEntry[],
  data: ArrayBuffer,
  type: StoredType,
): {specs: tf.io.WeightsManifestEntry[]; bytes: Uint8Array} {
  let end = 0;
  const stored = specs.map(spec => {
    const begin = end;
    end += spec.shape.reduce((product, size) => product * size, BYTES[spec.dtype]!);
    const bytes = data.slice(begin, end);
    return spec.dtype === 'float32' ? store(spec, new Float32Array(bytes), type) : {spec, bytes: new Uint8Array(bytes)};
  });
  return {specs: stored.map(({spec}) => spec), bytes: Buffer.concat(stored.map(({bytes}) => bytes))};
}

/** Refuses a weight with a number that is too large for the type. */
export function requireRoom(name: string, values: Float32Array, type: StoredType): void {
  const large = type === 'float16' ? values.find(value => Math.abs(value) > LARGEST_HALF) : undefined;
  if (large !== undefined) {
    throw new Error(`its weight ${name} holds ${large}, for which float16 has no room; use float32`);
  }
}

/** The bytes of an array. */
export function bytesOf({buffer, byteOffset, byteLength}: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

function store(
  spec: tf.io.WeightsManifestEntry,
  values: Float32Array,
  type: StoredType,
): {spec: tf.io.WeightsManifestEntry; bytes: Uint8Array} {
  requireRoom(spec.name, values, type);
  if (type === 'float16') {
    return {spec: {...spec, quantization: {dtype: 'float16'}}, bytes: bytesOf(toFloat16(values))};
  }
  // Biases and slopes are few, and an error in one is in every pixel.
  if (type === 'float32' || spec.shape.length < 2) return {spec, bytes: bytesOf(values)};
  const {bytes, scale, min} = quantize(values);
  return {spec: {...spec, quantization: {dtype: 'uint8', scale, min}}, bytes};
}

/** Values as whole numbers q from 0 to 255 that stand for `q * scale + min`; zero stays exactly that. */
function quantize(values: Float32Array): {bytes: Uint8Array; scale: number; min: number} {
  let [lowest, highest] = [0, 0];
  for (const value of values) {
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  const scale = (highest - lowest) / 255 || 1;
  const min = Math.round(lowest / scale) * scale;
  // The array rounds, and keeps them from 0 to 255.
  return {bytes: bytesOf(Uint8ClampedArray.from(values, value => (value - min) / scale)), scale, min};
}
