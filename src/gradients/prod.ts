import * as tf from '@tensorflow/tfjs';

/**
 * The gradient of a product of entries: of each entry the product of the others, with no division, for an entry may be
 * zero. While an outer tape records, these are products again; `original`'s cumulative products have no gradient. It also knows no negative axis.
 */
export function prodGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const x = saved[0]!;
      const axes = tf.util.parseAxisParam((attrs.axis ?? null) as number | number[], x.shape);
      if (!tf.engine().isTapeOn()) return original.gradFunc(dy, saved, {...attrs, axis: axes});
      const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      return {x: () => (dy as tf.Tensor).reshape(kept).mul(others(x, axes))};
    },
  };
}

/** Of each entry the product of the others along `axes`. */
function others(x: tf.Tensor, axes: number[]): tf.Tensor {
  const rest = x.shape.map((_, axis) => axis).filter(axis => !axes.includes(axis));
  const order = [...rest, ...axes];
  const restShape = rest.map(axis => x.shape[axis]!);
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
  const own = tf.eye(count);
  const rows = x.transpose(order).reshape([...restShape, 1, count]);
  const products = rows.mul(tf.sub(1, own)).add(own).prod(-1);
  const back = order.map((_, axis) => order.indexOf(axis));
  return products.reshape(order.map(axis => x.shape[axis]!)).transpose(back);
}
