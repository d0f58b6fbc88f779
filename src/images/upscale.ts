import * as tf from '@tensorflow/tfjs';
import type {TileRunner} from './tile-runner.js';
import type {UpscaleOptions} from './upscale-strips.js';
import {upscaleInStrips} from './upscale-strips.js';

export type {UpscaleOptions} from './upscale-strips.js';

/**
 * Enlarges a picture of any size with a super-resolution model, tile by tile, so that the memory it takes is that of one
 * row of tiles, of the picture and of the result.
 *
 * Each tile is computed together with its surroundings, of which only the inner part is used, so that no seam shows;
 * where `overlap` covers what the model can see, the result is that of the whole picture at once. An alpha channel is
 * enlarged bicubically, and colours that it hides are replaced by those next to them, so that none gets into what is
 * seen. For a model with pixel unshuffle, sides that are no multiples of what it needs are made longer by reflection, of which
 * nothing stays in the result. The event loop gets a turn between tiles.
 *
 * @param model from `[batch, any, any, 3]` to `[batch, s * height, s * width, 3]`.
 * @param image `[height, width, 3]` or with alpha `[height, width, 4]`, float32 in [0, 1].
 * @returns `[s * height, s * width, 3 or 4]`, clipped to [0, 1].
 * @throws if the image has another shape or dtype, or sides that are no multiples of what a model with strides or pooling
 *   needs; if an option is unknown or out of range; if the model is of another kind, makes a tile of another size than its scale
 *   says, or makes NaN or Infinity; or if it has layers that may look anywhere and no `overlap` is given.
 * @example
 * const large = await upscale(generator, tf.zeros([100, 150, 3])); // [400, 600, 3]
 */
export function upscale(model: tf.LayersModel, image: tf.Tensor, options: UpscaleOptions = {}): Promise<tf.Tensor3D> {
  return upscaleBy(model, image, options);
}

/** The same, with the model's runner where there is one for several pictures: see `upscaleInStrips`. */
export async function upscaleBy(
  model: tf.LayersModel,
  image: tf.Tensor,
  options: UpscaleOptions,
  runner?: TileRunner,
): Promise<tf.Tensor3D> {
  requireImage(image);
  const [height, width, channels] = image.shape;
  const picture = {data: await image.data(), height, width, channels, white: 1};
  const large = upscaleInStrips(model, picture, options, runner);
  const values = new Float32Array(large.height * large.width * channels);
  for await (const {top, data} of large.strips) values.set(data, top * large.width * channels);
  return tf.tensor3d(values, [large.height, large.width, channels]);
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
