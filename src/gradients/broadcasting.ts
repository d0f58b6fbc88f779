import * as tf from '@tensorflow/tfjs';

/** The gradient of a tensor of this shape that was broadcast to that of `dy`. */
export function sumTo(shape: number[], dy: tf.Tensor): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, dy.shape);
  return (axes.length > 0 ? dy.sum(axes) : dy).reshape(shape);
}

/** The gradient of an operation whose inputs a and b it broadcasts, which `original` takes no account of. */
export function broadcastGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const gradients = original.gradFunc(dy, saved, attrs);
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return {a: () => sumTo(a.shape, gradients.a!()), b: () => sumTo(b.shape, gradients.b!())};
    },
  };
}
