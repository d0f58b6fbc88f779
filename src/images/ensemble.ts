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
 * Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", 2017, https://arxiv.org/abs/1707.02921
 */
export function predictEnsemble(model: tf.LayersModel, images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    let sum: tf.Tensor4D | undefined;
    for (const symmetry of SYMMETRIES) {
      const before = sum;
      // One after the other, so that the memory is that of one.
      sum = tf.tidy(() => {
        const output = undo(model.predict(apply(images, symmetry)) as tf.Tensor4D, symmetry);
        return before ? before.add(output) : output;
      });
      before?.dispose();
    }
    return sum!.div(SYMMETRIES.length);
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
