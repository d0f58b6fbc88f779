import * as tf from '@tensorflow/tfjs';
import {sumTo} from './broadcasting.js';

/** The gradient of a^b, whose logarithm of a base of zero TensorFlow.js leaves out, but not when it differentiates again. */
export function powGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const [a, b, y] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      return {
        ...original.gradFunc(dy, saved, attrs),
        b: () => sumTo(b.shape, (dy as tf.Tensor).mul(y).mul(tf.log(tf.where(a.greater(0), a, 1)))),
      };
    },
  };
}
