import * as tf from '@tensorflow/tfjs';
import type {CheckpointContent, CheckpointHeader} from './checkpoint.js';
import {putCheckpoint, takeCheckpoint} from './checkpoint.js';
import {crc32c} from '../crc32c.js';
import type {GAN} from './gan.js';

/** Tells a saved GAN from a model. */
const FORMAT = 'tfjs-ragan-checkpoint';

/** What goes with the tensors. */
interface Saved {
  /** The header, as JSON. */
  checkpoint: string;
  /** The CRC-32C of the header in UTF-8 and of the tensors. */
  crc32c: number;
}

/**
 * Saves all that training goes on from (networks, average, optimizers, counters) with one of tfjs's handlers, which in a page
 * keep it in IndexedDB. In Node, `saveCheckpoint` of `tfjs-ragan/node` writes a file.
 *
 * @param handlerOrUrl as for `tf.LayersModel.save`: a handler, or a URL such as `'indexeddb://my-run'`.
 * @param state anything JSON can hold, to be kept with it: what `loadGan` gives back.
 * @throws if the GAN is not compiled, nothing saves to that URL, or a weight or state holds NaN or Infinity; then what was
 *   there before is still there.
 * @example
 * await saveGan(gan, 'indexeddb://my-run', {photos: 'holiday'});
 */
export async function saveGan(gan: GAN, handlerOrUrl: tf.io.IOHandler | string, state: unknown = null): Promise<void> {
  const handler = handlerOf(handlerOrUrl, tf.io.getSaveHandlers, 'save');
  const {header, values} = await takeCheckpoint(nameOf(handlerOrUrl), gan, state);
  const checkpoint = JSON.stringify(header);
  const weightData = tf.io.CompositeArrayBuffer.join(values.map(({buffer}) => buffer as ArrayBuffer));
  await handler.save!({
    format: FORMAT,
    // Handlers count its bytes.
    modelTopology: {},
    weightSpecs: header.entries.map(({owner, name, shape, dtype}, i) => ({
      name: `${i}/${owner}/${name}`,
      shape,
      dtype: dtype as 'float32' | 'int32',
    })),
    weightData,
    userDefinedMetadata: {checkpoint, crc32c: checksumOf(checkpoint, weightData)} satisfies Saved,
  });
}

/**
 * Puts what `saveGan` saved into a GAN built and compiled as that one was. Training goes on from there as if it had not
 * stopped: give it the batches from number `gan.step` on. Nothing changes unless everything fits.
 *
 * @param handlerOrUrl as for `saveGan`.
 * @returns the `state` that was saved with it.
 * @throws if nothing is there, it is no saved GAN, was altered or holds NaN, or is of other networks or optimizers.
 * @example
 * const state = await loadGan(gan, 'indexeddb://my-run');
 * console.log(`going on after step ${gan.step}`, state);
 */
export async function loadGan(gan: GAN, handlerOrUrl: tf.io.IOHandler | string): Promise<unknown> {
  const place = nameOf(handlerOrUrl);
  const handler = handlerOf(handlerOrUrl, tf.io.getLoadHandlers, 'load');
  const content = read(place, await handler.load!());
  await putCheckpoint(place, gan, content);
  return content.header.state;
}

function read(place: string, {format, weightData, userDefinedMetadata}: tf.io.ModelArtifacts): CheckpointContent {
  const {checkpoint, crc32c: checksum} = (userDefinedMetadata ?? {}) as Partial<Saved>;
  if (typeof checkpoint !== 'string' || (format !== undefined && format !== FORMAT)) {
    throw new Error(`cannot resume from ${place}: it is not a GAN that saveGan saved`);
  }
  const buffer = tf.io.CompositeArrayBuffer.join(weightData);
  if (checksumOf(checkpoint, buffer) !== checksum) throw new Error(`cannot resume from ${place}: it is damaged`);
  const header = JSON.parse(checkpoint) as CheckpointHeader;
  let offset = 0;
  const values = header.entries.map(({shape, dtype}) => {
    const length = tf.util.sizeFromShape(shape);
    const data = dtype === 'int32' ? new Int32Array(buffer, offset, length) : new Float32Array(buffer, offset, length);
    offset += 4 * length;
    return data;
  });
  return {header, values};
}

function checksumOf(header: string, tensors: ArrayBuffer): number {
  return crc32c(new TextEncoder().encode(header), new Uint8Array(tensors));
}

function handlerOf(
  handlerOrUrl: tf.io.IOHandler | string,
  find: (url: string) => tf.io.IOHandler[],
  ability: 'save' | 'load',
): tf.io.IOHandler {
  const handler = typeof handlerOrUrl === 'string' ? find(handlerOrUrl)[0] : handlerOrUrl;
  if (typeof handler?.[ability] === 'function') return handler;
  throw new Error(
    `${ability}Gan: nothing can ${ability} ${nameOf(handlerOrUrl)}; give a handler of tf.io or, in a page, a URL such as 'indexeddb://my-run'.`,
  );
}

function nameOf(handlerOrUrl: tf.io.IOHandler | string): string {
  return typeof handlerOrUrl === 'string' ? handlerOrUrl : 'the given handler';
}
