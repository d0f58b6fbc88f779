import * as tf from '@tensorflow/tfjs';
import {bicubicUpscale} from './bicubic.js';
import {modelScale} from './model-scale.js';
import {receptiveRadius} from './receptive-radius.js';

export interface UpscaleOptions {
  /** Height and width of a tile in pixels of the input. More is faster and needs more memory. Default 96. */
  tile?: number;
  /**
   * Pixels of the input around a tile that the model sees too. Default: as far as the model looks, at most 32, beyond
   * which no difference can be seen.
   */
  overlap?: number;
  /** Called after each tile with the share done, in (0, 1]. */
  onProgress?: (done: number) => void;
}

/** The default overlap's bound: what a network of many blocks sees beyond it changes no 8-bit value. */
const LARGEST_DEFAULT_OVERLAP = 32;

/**
 * Enlarges a picture of any size with a super-resolution model, tile by tile, so that the memory it takes is that of one
 * tile and of the result.
 *
 * Each tile is computed together with its surroundings, of which only the inner part is used, so that no seam shows;
 * where `overlap` covers what the model can see, the result is that of the whole picture at once. An alpha channel is
 * enlarged bicubically. The event loop gets a turn between tiles.
 *
 * @param model from `[batch, any, any, 3]` to `[batch, s * height, s * width, 3]`.
 * @param image `[height, width, 3]` or with alpha `[height, width, 4]`, float32 in [0, 1].
 * @returns `[s * height, s * width, 3 or 4]`, clipped to [0, 1].
 * @throws if the image has another shape or dtype, an option is out of range, or the model is of another kind.
 * @example
 * const large = await upscale(generator, tf.zeros([100, 150, 3])); // [400, 600, 3]
 */
export async function upscale(
  model: tf.LayersModel,
  image: tf.Tensor,
  options: UpscaleOptions = {},
): Promise<tf.Tensor3D> {
  const {tile = 96, overlap = Math.min(receptiveRadius(model), LARGEST_DEFAULT_OVERLAP), onProgress} = options;
  requireImage(image);
  for (const [name, value, least] of [
    ['tile', tile, 1],
    ['overlap', overlap, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new Error(`upscale: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
    }
  }
  const scale = modelScale(model);
  const [height, width, channels] = image.shape;
  const rows = spans(height, tile, overlap);
  const columns = spans(width, tile, overlap);
  const canvas = {data: new Float32Array(height * width * scale * scale * channels), width: width * scale, channels};
  let done = 0;
  for (const row of rows) {
    for (const column of columns) {
      paste(canvas, await runTile(model, image, row, column), row, column, scale);
      onProgress?.(++done / (rows.length * columns.length));
      await new Promise(resolve => setTimeout(resolve));
    }
  }
  if (channels === 4) await pasteAlpha(canvas, image, scale);
  return tf.tensor3d(canvas.data, [height * scale, width * scale, channels]);
}

interface Canvas {
  data: Float32Array;
  width: number;
  channels: number;
}

/** One tile along an axis: what is used of it, and what the model sees. */
interface Span {
  begin: number;
  end: number;
  seenBegin: number;
  seenEnd: number;
}

/** Cuts an axis into tiles of nearly equal size. */
function spans(size: number, tile: number, overlap: number): Span[] {
  const count = Math.ceil(size / tile);
  return Array.from({length: count}, (_, i) => {
    const begin = Math.floor((i * size) / count);
    const end = Math.floor(((i + 1) * size) / count);
    return {begin, end, seenBegin: Math.max(0, begin - overlap), seenEnd: Math.min(size, end + overlap)};
  });
}

/** The model's output, clipped, for what it sees of one tile. */
async function runTile(model: tf.LayersModel, image: tf.Tensor3D, row: Span, column: Span): Promise<tf.TypedArray> {
  const output = tf.tidy(() => {
    const size: [number, number, number] = [row.seenEnd - row.seenBegin, column.seenEnd - column.seenBegin, 3];
    const seen = tf.slice(image, [row.seenBegin, column.seenBegin, 0], size);
    return tf.clipByValue(model.predict(tf.expandDims(seen, 0)) as tf.Tensor, 0, 1);
  });
  try {
    return await output.data();
  } finally {
    output.dispose();
  }
}

/** Copies the used part of a tile's output to its place. */
function paste(canvas: Canvas, data: ArrayLike<number>, row: Span, column: Span, scale: number): void {
  const {channels} = canvas;
  const outWidth = (column.seenEnd - column.seenBegin) * scale;
  for (let y = row.begin * scale; y < row.end * scale; y++) {
    for (let x = column.begin * scale; x < column.end * scale; x++) {
      const from = ((y - row.seenBegin * scale) * outWidth + x - column.seenBegin * scale) * 3;
      const to = (y * canvas.width + x) * channels;
      for (let channel = 0; channel < 3; channel++) canvas.data[to + channel] = data[from + channel]!;
    }
  }
}

async function pasteAlpha(canvas: Canvas, image: tf.Tensor3D, scale: number): Promise<void> {
  const [height, width] = image.shape;
  const alpha = tf.tidy(() =>
    tf.clipByValue(bicubicUpscale(tf.slice(image, [0, 0, 3], [height, width, 1]), scale), 0, 1),
  );
  const values = await alpha.data();
  alpha.dispose();
  for (let i = 0; i < values.length; i++) canvas.data[i * 4 + 3] = values[i]!;
}

function requireImage(image: tf.Tensor): asserts image is tf.Tensor3D {
  const channels = image.shape[2];
  if (image.rank !== 3 || image.size === 0 || (channels !== 3 && channels !== 4)) {
    throw new Error(
      `upscale: image must have the shape [height, width, 3], or 4 with alpha, but its shape is [${image.shape.join(', ')}].`,
    );
  }
  if (image.dtype !== 'float32') {
    throw new Error(
      `upscale: image must be of dtype float32 with values in [0, 1], but it is ${image.dtype}; use .toFloat().div(255).`,
    );
  }
}
