import * as tf from '@tensorflow/tfjs';
import type {Picture} from './alpha-bleeding.js';
import {bleedColours} from './alpha-bleeding.js';
import {NonFiniteError, firstNonFinite} from '../finite.js';
import {hasPixelUnshuffle} from '../models/pixel-unshuffle.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {predictEnsemble} from './ensemble.js';
import {modelReach} from './model-reach.js';
import {modelScale} from './model-scale.js';
import {reflected} from './reflected.js';
import type {ArrayImage} from './resize-array.js';
import {resizeArray} from './resize-array.js';
import type {Span} from './tile-spans.js';
import {tileSpans} from './tile-spans.js';

/** How a picture is cut up to be enlarged. */
export interface UpscaleOptions {
  /** Height and width of a tile in pixels of the input. More is faster and needs more memory. Default 96. */
  tile?: number;
  /**
   * Pixels of the input around a tile that the model sees too. Default: as far as the model looks, at most 32. An ESRGAN
   * of two blocks looks 34 pixels far; trained by the command's defaults it gave the whole picture's 8-bit values from 16
   * on, and its very bits from 28 on. Deeper networks look further: give more where every bit of theirs counts.
   */
  overlap?: number;
  /**
   * Average what the model makes of the picture turned and reflected in all eight ways: a little more exact, by about 0.1 dB,
   * for eight times the work. Default false.
   */
  ensemble?: boolean;
  /** Called after each tile with the share done, in (0, 1]. */
  onProgress?: (done: number) => void;
}

const UPSCALE_OPTIONS: OptionNames<UpscaleOptions> = {
  tile: true,
  overlap: true,
  ensemble: true,
  onProgress: true,
};

/** Some whole rows of an enlarged picture, from the row `top` on, with values in [0, 1]. */
export interface Strip {
  top: number;
  height: number;
  width: number;
  channels: number;
  data: Float32Array;
}

/** The published ESRGAN looks 349 pixels far: with all of them around each tile it would take 25 times as long. */
const LARGEST_DEFAULT_OVERLAP = 32;

/**
 * Enlarges a picture with a super-resolution model and hands the result out from top to bottom, a row of tiles at a time.
 * Besides the picture it needs the memory of one strip. See `upscale`.
 *
 * @returns the size of the result, and its strips, which are computed as they are taken.
 * @throws at once, as `upscale` does; while the strips are taken, only if the model makes tiles of another size, or NaN or
 *   Infinity.
 */
export function upscaleInStrips(
  model: tf.LayersModel,
  picture: Picture,
  options: UpscaleOptions = {},
): {height: number; width: number; strips: AsyncIterable<Strip>} {
  requireKnownOptions('upscale', options, UPSCALE_OPTIONS);
  const {tile = 96, overlap, ensemble = false, onProgress} = options;
  requireWhole('tile', tile, 1);
  if (overlap !== undefined) requireWhole('overlap', overlap, 0);
  const scale = modelScale(model);
  const {radius, step, unknown} = modelReach(model);
  const {height, width} = picture;
  if (overlap === undefined && unknown.length > 0) {
    throw new Error(
      `upscale: how far the model looks is not known, because of its layers ${unknown.join(', ')}: give overlap in pixels.`,
    );
  }
  const [fullHeight, fullWidth] = [height, width].map(size => Math.ceil(size / step) * step) as [number, number];
  if ((fullHeight > height || fullWidth > width) && !hasPixelUnshuffle(model)) {
    throw new Error(
      `upscale: the sides of the image must be multiples of ${step} for this model, but it is ${width} x ${height}; crop it.`,
    );
  }
  const around = overlap ?? Math.min(radius, LARGEST_DEFAULT_OVERLAP);
  const rows = shortened(tileSpans(fullHeight, tile, around, step), height);
  const columns = shortened(tileSpans(fullWidth, tile, around, step), width);
  return {
    height: height * scale,
    width: width * scale,
    strips: computeStrips(picture, predictor(model, scale, ensemble), scale, rows, columns, onProgress),
  };
}

/** The tiles of a side that was made longer, without what the picture does not have. */
function shortened(spans: Span[], size: number): Span[] {
  return spans.filter(({begin}) => begin < size).map(span => ({...span, end: Math.min(span.end, size)}));
}

async function* computeStrips(
  picture: Picture,
  predict: (tile: ArrayImage & {data: Float32Array}) => Promise<tf.TypedArray>,
  scale: number,
  rows: Span[],
  columns: Span[],
  onProgress: UpscaleOptions['onProgress'],
): AsyncGenerator<Strip, void> {
  const {channels} = picture;
  const width = picture.width * scale;
  const alpha = channels === 4 ? alphaOf(picture) : undefined;
  const colours = alpha ? bleedColours(picture) : picture;
  let done = 0;
  for (const row of rows) {
    const height = (row.end - row.begin) * scale;
    const strip = {top: row.begin * scale, height, width, channels, data: new Float32Array(height * width * channels)};
    for (const column of columns) {
      paste(strip, await predict(cut(colours, row, column)), row, column, scale);
      onProgress?.(++done / (rows.length * columns.length));
      await new Promise(resolve => setTimeout(resolve));
    }
    if (alpha) pasteAlpha(strip, alpha, scale);
    yield strip;
  }
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`upscale: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
  }
}

/** The colours that the model sees of one tile, from 0 to 1. Beyond its last row and column the picture is reflected. */
function cut(
  {data, height, width, channels, white}: Picture,
  row: Span,
  column: Span,
): ArrayImage & {data: Float32Array} {
  const [tileHeight, tileWidth] = [row.seenEnd - row.seenBegin, column.seenEnd - column.seenBegin];
  const out = new Float32Array(tileHeight * tileWidth * 3);
  let to = 0;
  for (let y = row.seenBegin; y < row.seenEnd; y++) {
    const line = reflected(y, height) * width;
    for (let x = column.seenBegin; x < column.seenEnd; x++) {
      const from = (line + reflected(x, width)) * channels;
      for (let channel = 0; channel < 3; channel++) out[to++] = data[from + channel]! / white;
    }
  }
  return {data: out, height: tileHeight, width: tileWidth, channels: 3};
}

/** Gives a model's output for a tile: finite numbers, not clipped yet. */
function predictor(model: tf.LayersModel, scale: number, ensemble: boolean) {
  return (tile: ArrayImage & {data: Float32Array}) => runTile(model, tile, scale, ensemble);
}

async function runTile(
  model: tf.LayersModel,
  {data, height, width}: ArrayImage & {data: Float32Array},
  scale: number,
  ensemble: boolean,
): Promise<tf.TypedArray> {
  const output = tf.tidy(() => {
    const tile = tf.tensor4d(data, [1, height, width, 3]);
    return ensemble ? predictEnsemble(model, tile) : (model.predict(tile) as tf.Tensor);
  });
  try {
    const expected = [1, height * scale, width * scale, 3];
    if (output.shape.join() !== expected.join()) {
      throw new Error(
        `upscale: of [1, ${height}, ${width}, 3] the model must make [${expected.join(', ')}], but it makes ` +
          `[${output.shape.join(', ')}]; give a model that enlarges pictures of every size alike.`,
      );
    }
    const values = await output.data();
    const bad = firstNonFinite(values);
    if (bad !== undefined) {
      throw new NonFiniteError(
        `upscale: of this picture the model makes ${bad}; if its training diverged, train again with smaller learning rates.`,
        `of a picture the model makes ${bad}`,
      );
    }
    return values;
  } finally {
    output.dispose();
  }
}

/** Copies the used part of a tile's output to its place, clipped. */
function paste(strip: Strip, data: ArrayLike<number>, row: Span, column: Span, scale: number): void {
  const {channels, width} = strip;
  const seenWidth = (column.seenEnd - column.seenBegin) * scale;
  const above = (row.begin - row.seenBegin) * scale;
  const left = (column.begin - column.seenBegin) * scale;
  for (let y = 0; y < strip.height; y++) {
    let from = ((above + y) * seenWidth + left) * 3;
    for (let x = column.begin * scale; x < column.end * scale; x++, from += 3) {
      const to = (y * width + x) * channels;
      for (let channel = 0; channel < 3; channel++)
        strip.data[to + channel] = Math.min(1, Math.max(0, data[from + channel]!));
    }
  }
}

/** The alpha channel by itself, from 0 to 1. */
function alphaOf({data, height, width, white}: Picture): ArrayImage {
  const alpha = new Float32Array(height * width);
  for (let i = 0; i < alpha.length; i++) alpha[i] = data[4 * i + 3]! / white;
  return {data: alpha, height, width, channels: 1};
}

/** Enlarges the part of the alpha channel that belongs to a strip. */
function pasteAlpha({top, height, width, data}: Strip, alpha: ArrayImage, scale: number): void {
  const part = resizeArray(alpha, scale, {top, left: 0, height, width});
  for (let i = 0; i < part.data.length; i++) data[4 * i + 3] = Math.min(1, Math.max(0, part.data[i]!));
}
