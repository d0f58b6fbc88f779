import * as tf from '@tensorflow/tfjs';

/** A turn or a reflection of images, and what undoes it. */
interface Symmetry {
  transposed: boolean;
  /** Axes along which the order is reversed after that. */
  reversed: number[];
}

/** The eight symmetries of a square: with or without rows for columns, then either, both or none of the axes reversed. */
const SYMMETRIES: readonly Symmetry[] = [false, true].flatMap(transposed =>
  [[], [1], [2], [1, 2]].map(reversed => ({transposed, reversed})),
);

/**
 * What a model makes of images turned and reflected in all eight ways, turned back and averaged: "geometric
 * self-ensemble". It is as exact as the model is, or a little more, and eight times the work.
 *
 * @param predict what the model makes of images, one for each.
 *
 * Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", 2017, https://arxiv.org/abs/1707.02921
 */
export function predictEnsemble(
  predict: (...images: tf.Tensor4D[]) => tf.Tensor4D[],
  images: tf.Tensor4D[],
): tf.Tensor4D[] {
  return tf.tidy(() => {
    let sums: tf.Tensor4D[] | undefined;
    for (const symmetry of SYMMETRIES) {
      const before = sums;
      // One after the other, so that the memory is that of one.
      sums = tf.tidy(() => {
        const outputs = predict(...images.map(image => apply(image, symmetry))).map(output => undo(output, symmetry));
        return before ? outputs.map((output, i) => before[i]!.add<tf.Tensor4D>(output)) : outputs;
      });
      tf.dispose(before ?? []);
    }
    return sums!.map(sum => sum.div<tf.Tensor4D>(SYMMETRIES.length));
  });
}

function apply(images: tf.Tensor4D, {transposed, reversed}: Symmetry): tf.Tensor4D {
  return tf.reverse(transposed ? transpose(images) : images, reversed);
}

function undo(images: tf.Tensor4D, {transposed, reversed}: Symmetry): tf.Tensor4D {
  const forth = tf.reverse(images, reversed);
  return transposed ? transpose(forth) : forth;
}

function transpose(images: tf.Tensor4D): tf.Tensor4D {
  return tf.transpose(images, [0, 2, 1, 3]);
}
