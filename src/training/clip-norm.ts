import * as tf from '@tensorflow/tfjs';
import {halfSquares} from './half-squares.js';
import type {Gradients} from './step.js';

/**
 * Gradients scaled down together, so that the root of the sum of all their squares is at most `norm`; in place of the
 * given ones, which are disposed. As `torch.nn.utils.clip_grad_norm_` does.
 *
 * @param halves `halfSquares` of each, where they are known.
 *
 * Pascanu et al., "On the difficulty of training Recurrent Neural Networks", 2013, https://arxiv.org/abs/1211.5063
 */
export function clipNorm(gradients: Gradients, norm: number, halves?: tf.Scalar[]): Gradients {
  const entries = Object.entries(gradients);
  if (entries.length === 0) return gradients;
  const clipped = tf.tidy<tf.NamedTensorMap>(() => {
    const length = tf.sqrt(tf.mul(tf.sum(tf.stack(halves ?? entries.map(([, gradient]) => halfSquares(gradient)))), 2));
    const factor = tf.div(norm, tf.maximum(length, norm));
    return Object.fromEntries(entries.map(([name, gradient]) => [name, tf.mul(gradient, factor)]));
  });
  tf.dispose(gradients);
  return clipped as Gradients;
}
