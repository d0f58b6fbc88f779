import * as tf from '@tensorflow/tfjs';
import type {Gradients} from './step.js';

/**
 * Gradients scaled down together, so that the root of the sum of all their squares is at most `norm`; in place of the
 * given ones, which are disposed. As `torch.nn.utils.clip_grad_norm_` does.
 *
 * Pascanu et al., "On the difficulty of training Recurrent Neural Networks", 2013, https://arxiv.org/abs/1211.5063
 */
export function clipNorm(gradients: Gradients, norm: number): Gradients {
  const entries = Object.entries(gradients);
  if (entries.length === 0) return gradients;
  const clipped = tf.tidy<tf.NamedTensorMap>(() => {
    const squares = tf.addN(entries.map(([, gradient]) => tf.sum(tf.square(gradient))));
    const factor = tf.div(norm, tf.maximum(tf.sqrt(squares), norm));
    return Object.fromEntries(entries.map(([name, gradient]) => [name, tf.mul(gradient, factor)]));
  });
  tf.dispose(gradients);
  return clipped as Gradients;
}
