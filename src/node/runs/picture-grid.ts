import * as tf from '@tensorflow/tfjs';

/** Pixels between two pictures. */
const GAP = 2;

/**
 * Pictures of one size side by side, in as many rows as columns or one fewer, with white between them, or one picture as it is;
 * of one channel three alike.
 *
 * @param pictures `[count, height, width, 1 or 3]` or `[height, width, 1 or 3]`.
 * @param file what is to be written, for the error.
 * @throws one line naming the file, for another shape.
 */
export function pictureGrid(pictures: tf.Tensor, file: string): tf.Tensor3D {
  const {rank, shape} = pictures;
  const channels = shape.at(-1);
  if ((rank !== 3 && rank !== 4) || (channels !== 1 && channels !== 3) || pictures.size === 0) {
    throw new Error(
      `cannot write ${file}: what is drawn must have the shape [count, height, width, 1 or 3] or [height, width, 1 or 3], ` +
        `but its shape is [${shape.join(', ')}]`,
    );
  }
  return tf.tidy(() => {
    const coloured = channels === 3 ? tf.clone(pictures) : tf.concat([pictures, pictures, pictures], -1);
    return rank === 3 ? (coloured as tf.Tensor3D) : grid(coloured as tf.Tensor4D);
  });
}

function grid(pictures: tf.Tensor4D): tf.Tensor3D {
  const [count, height, width] = pictures.shape;
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  // Each with a gap below it and beside it; those of the last ones are cut off.
  const [tall, wide] = [height + GAP, width + GAP];
  const padding: [number, number][] = [
    [0, rows * columns - count],
    [0, GAP],
    [0, GAP],
    [0, 0],
  ];
  const cells = tf.reshape(tf.pad(pictures, padding, 1), [rows, columns, tall, wide, 3]);
  const whole = tf.reshape(tf.transpose(cells, [0, 2, 1, 3, 4]), [rows * tall, columns * wide, 3]);
  return tf.slice(whole as tf.Tensor3D, [0, 0, 0], [rows * tall - GAP, columns * wide - GAP, 3]);
}
