import type * as tf from '@tensorflow/tfjs';

/**
 * The gradient of a convolution, depthwise or not, dilated or not; TensorFlow.js's own refuses dilations. A dilated filter
 * is a larger one with zeros between its taps, so both gradients are that filter's, `original`'s, and the filter's is then
 * read at the taps alone.
 */
export function convolutionGradient(original: tf.GradConfig): tf.GradConfig {
  return {
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
      const [down, across] = pair((attrs.dilations ?? 1) as number | [number, number]);
      if (down === 1 && across === 1) return original.gradFunc(dy, saved, attrs);
      const gradients = original.gradFunc(dy, [x, spread(filter, down, across)], {...attrs, dilations: 1});
      return {
        x: () => gradients.x!(),
        filter: () => gather(gradients.filter!() as tf.Tensor4D, filter.shape, down, across),
      };
    },
  };
}

function pair(value: number | [number, number]): [number, number] {
  return Array.isArray(value) ? value : [value, value];
}

/** The size of a filter's axis with its taps `dilation` apart. */
const reach = (taps: number, dilation: number) => (taps - 1) * dilation + 1;

/** The filter with zeros between its taps. */
function spread(filter: tf.Tensor4D, down: number, across: number): tf.Tensor4D {
  const [height, width, inputs, outputs] = filter.shape;
  const [rows, columns] = [reach(height, down), reach(width, across)];
  const spreadRows = spreadAxis(filter, 1, height, down);
  return spreadAxis(spreadRows, rows, width, across).reshape([rows, columns, inputs, outputs]);
}

/** The taps of a filter that `spread` made, as `shape`. */
function gather(filter: tf.Tensor4D, shape: tf.Tensor4D['shape'], down: number, across: number): tf.Tensor4D {
  const [height, width] = shape;
  const columns = gatherAxis(filter, reach(height, down), width, across);
  return gatherAxis(columns, 1, height, down).reshape(shape);
}

/** Puts zeros between the `taps` entries of the axis that has `outer` entries before it: [outer, reach, the rest]. */
function spreadAxis(x: tf.Tensor, outer: number, taps: number, dilation: number): tf.Tensor3D {
  const inner = x.size / (outer * taps);
  return x
    .reshape<tf.Tensor3D>([outer * taps, 1, inner])
    .pad(zerosAfter(dilation))
    .reshape<tf.Tensor3D>([outer, taps * dilation, inner])
    .slice([0, 0, 0], [outer, reach(taps, dilation), inner]);
}

/** The inverse: every `dilation`-th entry of the axis, [outer * taps, 1, the rest]. */
function gatherAxis(x: tf.Tensor, outer: number, taps: number, dilation: number): tf.Tensor3D {
  const size = reach(taps, dilation);
  const inner = x.size / (outer * size);
  return x
    .reshape<tf.Tensor3D>([outer, size, inner])
    .pad(zerosAfter(dilation))
    .reshape<tf.Tensor3D>([outer * taps, dilation, inner])
    .slice([0, 0, 0], [outer * taps, 1, inner]);
}

function zerosAfter(dilation: number): [number, number][] {
  return [
    [0, 0],
    [0, dilation - 1],
    [0, 0],
  ];
}
