import * as tf from '@tensorflow/tfjs';
import {splitBatch} from './inputs.js';

/** What is added to the real and the fake samples of a batch before the critic sees them, of their shape. */
export type Noise = [real: tf.Tensor, fake: tf.Tensor];

/** Independent Gaussian noise for the real and the fake samples of a batch that looks like `samples`. */
export function drawNoise({shape}: tf.Tensor, stddev: tf.Tensor): Noise {
  const draw = () => tf.tidy(() => tf.mul(tf.randomNormal(shape), stddev));
  return [draw(), draw()];
}

/** Samples as the critic sees them. */
export function addNoise(samples: tf.Tensor, noise: tf.Tensor | undefined): tf.Tensor {
  return noise ? tf.add(samples, noise) : samples;
}

/** `addNoise` for the parts of a batch. */
export function addNoiseToParts(parts: tf.Tensor[], noise: tf.Tensor | undefined): tf.Tensor[] {
  const ofParts = noise && splitBatch(noise, parts.length);
  return parts.map((samples, i) => addNoise(samples, ofParts?.[i]));
}

/** The standard deviation of a step, as a schedule gives it. */
export function requireNoise(stddev: number, step: number): number {
  if (Number.isFinite(stddev) && stddev >= 0) return stddev;
  throw new Error(`GAN: instanceNoise must be a number of at least 0, but in step ${step} it is ${stddev}.`);
}
