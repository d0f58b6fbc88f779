import * as tf from '@tensorflow/tfjs';
import {runOp} from './native.js';

/**
 * Whether the active TensorFlow backend computes with oneDNN, or on a GPU. TensorFlow itself does not tell: what shows it is
 * a convolution with channels first, which TensorFlow's own code for processors refuses.
 */
export function hasOneDnn(): boolean {
  try {
    tf.tidy(() => {
      runOp(tf.backend(), 'Conv2D', [tf.ones([1, 1, 1, 1]), tf.ones([1, 1, 1, 1])], {
        strides: {int: [1, 1, 1, 1]},
        padding: {string: 'VALID'},
        data_format: {string: 'NCHW'},
      });
    });
    return true;
  } catch {
    return false;
  }
}
