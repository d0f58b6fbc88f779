import * as tf from '@tensorflow/tfjs';
import {upscale} from '../../images/upscale.js';
import type {ValidationPhoto} from './evaluation.js';

/** Height and width of a cell's cutting, in pixels of the truth, and how often each is repeated. */
const CUTTING = 128;
const ZOOM = 2;
const GAP = 6;

/**
 * A picture of what the model makes of the centre of each photo, a row each: low resolution | bicubic | now | truth, every
 * pixel doubled.
 */
export async function sampleSheet(model: tf.LayersModel, photos: ValidationPhoto[]): Promise<tf.Tensor3D> {
  const rows: tf.Tensor3D[] = [];
  try {
    for (const {truth, low, bicubic} of photos) {
      const scale = truth.shape[0] / low.shape[0];
      const size = Math.min(Math.floor(CUTTING / scale), low.shape[0], low.shape[1]);
      // In pixels of the low-resolution side, so that all four show the same place.
      const [top, left] = [Math.floor((low.shape[0] - size) / 2), Math.floor((low.shape[1] - size) / 2)];
      const cutting = (image: tf.Tensor3D, times: number) =>
        enlarge(tf.slice(image, [top * times, left * times, 0], [size * times, size * times, 3]), ZOOM);
      const now = await upscale(model, low);
      rows.push(
        tf.tidy(() =>
          line([enlarge(cutting(low, 1), scale), ...[bicubic, now, truth].map(image => cutting(image, scale))], 1),
        ),
      );
      now.dispose();
    }
    const widest = Math.max(...rows.map(row => row.shape[1]));
    return tf.tidy(() =>
      line(
        rows.map(row =>
          tf.pad(
            row,
            [
              [0, 0],
              [0, widest - row.shape[1]],
              [0, 0],
            ],
            1,
          ),
        ),
        0,
      ),
    );
  } finally {
    tf.dispose(rows);
  }
}

/** Repeats every pixel. */
function enlarge(image: tf.Tensor3D, times: number): tf.Tensor3D {
  return tf.image.resizeNearestNeighbor(image, [image.shape[0] * times, image.shape[1] * times]);
}

/** Puts images side by side (axis 1) or one below the other (axis 0), with white between them. */
function line(images: tf.Tensor3D[], axis: 0 | 1): tf.Tensor3D {
  const spaced = images.flatMap((image, i) => {
    if (i === 0) return [image];
    const shape: [number, number, number] = axis === 0 ? [GAP, image.shape[1], 3] : [image.shape[0], GAP, 3];
    return [tf.ones<tf.Rank.R3>(shape), image];
  });
  return tf.concat(spaced, axis);
}
