import type * as tf from '@tensorflow/tfjs';
import type {TileRunner} from '../../images/tile-runner.js';
import type {UpscaleOptions} from '../../images/upscale-strips.js';
import {upscaleInStrips} from '../../images/upscale-strips.js';
import type {PictureSize, Pixels} from './pixels.js';
import {requireWritableSize, writePixels} from './write.js';

/**
 * Enlarges a picture into a file: as `upscale`, with 8 bits for each value from beginning to end, so that the memory it
 * takes is that of both pictures' bytes, of one row of tiles and of the file; with alpha, that of the small one 5 times more.
 *
 * @param source see `writePixels`.
 * @param runner see `upscaleInStrips`.
 * @returns the size of the large picture.
 * @throws one line, as `upscale`, or if the large picture has no room in its file's format or in memory; all that before
 *   anything is computed. See `requireWritableImage` for the file.
 */
export async function upscaleToFile(
  model: tf.LayersModel,
  pixels: Pixels,
  file: string,
  options: UpscaleOptions = {},
  source?: string,
  runner?: TileRunner,
): Promise<PictureSize> {
  const {channels} = pixels;
  const {width, height, strips} = upscaleInStrips(model, {...pixels, white: 255}, options, runner);
  await requireWritableSize(file, {width, height, channels});
  const data = new Uint8Array(width * height * channels);
  for await (const strip of strips) {
    const start = strip.top * width * channels;
    // A loop: `from` with a function takes seconds for a large picture.
    for (let i = 0; i < strip.data.length; i++) data[start + i] = Math.round(strip.data[i]! * 255);
  }
  await writePixels(file, {data, width, height, channels}, source);
  return {width, height};
}
