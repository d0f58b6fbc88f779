import * as tf from '@tensorflow/tfjs';
import {modelReach} from './model-reach.js';

/** Height and width of the image that the scale is tried on, or a little more where a model needs multiples. */
const TRIAL = 16;

/**
 * How many times larger a super-resolution model makes an image.
 *
 * @param model from `[batch, any, any, 3]` to `[batch, s * height, s * width, 3]`.
 * @throws if the model takes or makes anything else, or enlarges by no whole number: one line with what it does.
 * @example
 * modelScale(esrganGenerator({scale: 2})); // 2
 */
export function modelScale(model: tf.LayersModel): number {
  const shape = model.inputs[0]?.shape ?? [];
  if (model.inputs.length !== 1 || shape.length !== 4 || shape[3] !== 3 || shape[1] !== null || shape[2] !== null) {
    throw new Error(
      `the model must take images of any size, [any, any, any, 3], but its input is [${shape
        .slice(1)
        .map(size => size ?? 'any')
        .join(', ')}]; ` + 'give a super-resolution model.',
    );
  }
  const {step} = modelReach(model);
  const trial = Math.ceil(TRIAL / step) * step;
  const output = tf.tidy(() => (model.predict(tf.zeros([1, trial, trial, 3])) as tf.Tensor).shape);
  const scale = (output[1] ?? 0) / trial;
  if (output.length !== 4 || output[3] !== 3 || !Number.isInteger(scale) || scale < 1 || output[2] !== scale * trial) {
    throw new Error(
      `the model must make an image a whole number of times larger, but of [1, ${trial}, ${trial}, 3] it makes ` +
        `[${output.join(', ')}]; give a super-resolution model.`,
    );
  }
  return scale;
}
