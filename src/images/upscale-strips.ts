import type * as tf from '@tensorflow/tfjs';
import type {Picture} from './alpha-bleeding.js';
import {bleedColours} from './alpha-bleeding.js';
import {hasPixelUnshuffle} from '../models/pixel-unshuffle.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {modelReach} from './model-reach.js';
import {reflected} from './reflected.js';
import type {ArrayImage} from './resize-array.js';
import {resizeArray} from './resize-array.js';
import {TileRunner} from './tile-runner.js';
import type {Tile} from './tile-runner.js';
import type {Span} from './tile-spans.js';
import {tileSpans} from './tile-spans.js';

/** How a picture is cut up to be enlarged. */
export interface UpscaleOptions {
  /**
   * Height and width of a tile in pixels of the input. More is faster and needs more memory. Default 96, or the whole side
   * where the model would see no more at once.
   */
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
  /**
   * Whether tiles are computed as one call of the backend, with faster convolutions, where there are many and the backend can:
   * TensorFlow in Node, see `captureStep` in `tfjs-ragan/node`. The numbers are the same but for rounding. Default true.
   */
  capture?: boolean;
  /** Receives the one line that says why tiles are not computed as one call. Default `console.warn`. */
  onWarning?: (message: string) => void;
  /** Called after each tile with the share done, in (0, 1]. */
  onProgress?: (done: number) => void;
}

const UPSCALE_OPTIONS: OptionNames<UpscaleOptions> = {
  tile: true,
  overlap: true,
  ensemble: true,
  capture: true,
  onWarning: true,
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

const DEFAULT_TILE = 96;

/** The published ESRGAN looks 349 pixels far: with all of them around each tile it would take 25 times as long. */
const LARGEST_DEFAULT_OVERLAP = 32;

/**
 * Enlarges a picture with a super-resolution model and hands the result out from top to bottom, a row of tiles at a time.
 * Besides the picture it needs the memory of one strip. See `upscale`.
 *
 * @param runner of the model, where it is one for several pictures; it is not disposed then.
 * @returns the size of the result, and its strips, which are computed as they are taken.
 * @throws at once, as `upscale` does; while the strips are taken, only if the model makes tiles of another size, or NaN or
 *   Infinity.
 */
export function upscaleInStrips(
  model: tf.LayersModel,
  picture: Picture,
  options: UpscaleOptions = {},
  runner?: TileRunner,
): {height: number; width: number; strips: AsyncIterable<Strip>} {
  requireKnownOptions('upscale', options, UPSCALE_OPTIONS);
  const {tile, overlap, onProgress} = options;
  if (tile !== undefined) requireWhole('tile', tile, 1);
  if (overlap !== undefined) requireWhole('overlap', overlap, 0);
  const used = runner ?? new TileRunner(model, options);
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
  const spans = (full: number, size: number) => {
    const whole = full <= DEFAULT_TILE + 2 * around ? full : DEFAULT_TILE;
    return shortened(tileSpans(full, tile ?? whole, around, step), size);
  };
  const strips = computeStrips(picture, used, spans(fullHeight, height), spans(fullWidth, width), onProgress);
  return {
    height: height * used.scale,
    width: width * used.scale,
    strips: runner ? strips : disposing(used, strips),
  };
}

/** The tiles of a side that was made longer, without what the picture does not have. */
function shortened(spans: Span[], size: number): Span[] {
  return spans.filter(({begin}) => begin < size).map(span => ({...span, end: Math.min(span.end, size)}));
}

async function* computeStrips(
  picture: Picture,
  runner: TileRunner,
  rows: Span[],
  columns: Span[],
  onProgress: UpscaleOptions['onProgress'],
): AsyncGenerator<Strip, void> {
  const {channels} = picture;
  const {scale} = runner;
  const width = picture.width * scale;
  const alpha = channels === 4 ? alphaOf(picture) : undefined;
  const colours = alpha ? bleedColours(picture) : picture;
  const places = rows.flatMap(row => columns.map(column => ({row, column})));
  const total = places.length;
  runner.announce(seen(rows[0]!), seen(columns[0]!), total);
  const computed: tf.TypedArray[] = [];
  let done = 0;
  for (const row of rows) {
    const height = (row.end - row.begin) * scale;
    const strip = {top: row.begin * scale, height, width, channels, data: new Float32Array(height * width * channels)};
    for (const column of columns) {
      if (computed.length === 0) {
        const tiles = places.splice(0, runner.lanes).map(place => cut(colours, place.row, place.column));
        computed.push(...(await runner.run(tiles)));
      }
      paste(strip, computed.shift()!, row, column, scale);
      onProgress?.(++done / total);
      await new Promise(resolve => setTimeout(resolve));
    }
    if (alpha) pasteAlpha(strip, alpha, scale);
    yield strip;
  }
}

async function* disposing(runner: TileRunner, strips: AsyncIterable<Strip>): AsyncGenerator<Strip, void> {
  try {
    yield* strips;
  } finally {
    runner.dispose();
  }
}

function seen({seenBegin, seenEnd}: Span): number {
  return seenEnd - seenBegin;
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`upscale: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
  }
}

/** The colours that the model sees of one tile, from 0 to 1. Beyond its last row and column the picture is reflected. */
function cut({data, height, width, channels, white}: Picture, row: Span, column: Span): Tile {
  const [tileHeight, tileWidth] = [seen(row), seen(column)];
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

/** Copies the used part of a tile's output to its place, clipped. */
function paste(strip: Strip, data: ArrayLike<number>, row: Span, column: Span, scale: number): void {
  const {channels, width} = strip;
  const seenWidth = seen(column) * scale;
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
