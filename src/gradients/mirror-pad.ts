import type * as tf from '@tensorflow/tfjs';

/** The gradient of padding by reflection: what the reflections receive goes to what they reflect. TensorFlow.js's own drops it. */
export const mirrorPadGradient: tf.GradConfig = {
  kernelName: 'MirrorPad',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], {mode, paddings}) => ({
    x: () =>
      (paddings as unknown as [number, number][]).reduce(
        (gradient, padding, axis) => foldBack(gradient, axis, x!.shape[axis]!, padding, mode === 'reflect' ? 1 : 0),
        dy as tf.Tensor,
      ),
  }),
};

/** Adds the padding of one axis to what it reflects; `skip` is 1 if the edge itself is not repeated. */
function foldBack(
  dy: tf.Tensor,
  axis: number,
  size: number,
  [before, after]: [number, number],
  skip: number,
): tf.Tensor {
  const part = (begin: number, length: number) => {
    const [start, extent] = [dy.shape.map(() => 0), [...dy.shape]];
    [start[axis], extent[axis]] = [begin, length];
    return dy.slice(start, extent);
  };
  const placed = (x: tf.Tensor, begin: number) =>
    x.pad(dy.shape.map((_, other) => (other === axis ? [begin, size - begin - x.shape[axis]!] : [0, 0])));
  let sum = part(before, size);
  if (before > 0) sum = sum.add(placed(part(0, before).reverse(axis), skip));
  if (after > 0) sum = sum.add(placed(part(before + size, after).reverse(axis), size - skip - after));
  return sum;
}
