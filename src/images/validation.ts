import type * as tf from '@tensorflow/tfjs';

const text = (shape: number[]) => `[${shape.join(', ')}]`;

/** Refuses anything but float32 images `[height, width, channels]` or a batch of them, naming the argument. */
export function requireImages(owner: string, argument: string, images: tf.Tensor): void {
  if (images.dtype !== 'float32') {
    throw new Error(
      `${owner}: ${argument} must be of dtype float32 with values in [0, 1], but it is ${images.dtype}; ` +
        'for 8-bit pixels use .toFloat().div(255).',
    );
  }
  if ((images.rank !== 3 && images.rank !== 4) || images.size === 0) {
    throw new Error(
      `${owner}: ${argument} must have the shape [height, width, channels] or [batch, height, width, channels], ` +
        `but its shape is ${text(images.shape)}.`,
    );
  }
}

/** Refuses a pair of images that cannot be compared. */
export function requirePair(owner: string, a: tf.Tensor, b: tf.Tensor): void {
  requireImages(owner, 'the first image', a);
  requireImages(owner, 'the second image', b);
  if (a.shape.join() !== b.shape.join()) {
    throw new Error(
      `${owner}: both images must have the same shape, but they are ${text(a.shape)} and ${text(b.shape)}.`,
    );
  }
}
