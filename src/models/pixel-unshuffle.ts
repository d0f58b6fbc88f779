import * as tf from '@tensorflow/tfjs';

/**
 * The layer that makes channels of pixels, `PixelShuffle` backwards: `[batch, height, width, channels]` becomes `[batch,
 * height / scale, width / scale, scale * scale * channels]`. The pixel in row y and column x of a block becomes the
 * channels from `(scale * y + x) * channels` on, as in TensorFlow's space_to_depth; PyTorch's pixel_unshuffle counts `(c *
 * scale + y) * scale + x`. Heights and widths that are no multiples of the scale are refused.
 *
 * A saved model finds it by its class name, wherever this package was imported.
 */
export class PixelUnshuffle extends tf.layers.Layer {
  static className = 'PixelUnshuffle';
  readonly scale: number;

  constructor({scale, ...config}: {scale: number; name?: string}) {
    super(config);
    if (!Number.isInteger(scale) || scale < 1) {
      throw new Error(`PixelUnshuffle: scale must be a whole number of at least 1, but it is ${scale}.`);
    }
    this.scale = scale;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch = null, height, width, channels] = inputShape as tf.Shape;
    const {scale} = this;
    const smaller = (size: number | null | undefined) => (size == null ? null : this.divided(size));
    return [batch, smaller(height), smaller(width), channels == null ? null : channels * scale * scale];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const images = [inputs].flat()[0] as tf.Tensor4D;
    const {scale} = this;
    const [batch, height, width, channels] = images.shape;
    const [rows, columns] = [this.divided(height), this.divided(width)];
    return tf.tidy(() =>
      images
        .reshape([batch * rows, scale, columns, scale * channels])
        .transpose([0, 2, 1, 3])
        .reshape([batch, rows, columns, scale * scale * channels]),
    );
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), scale: this.scale};
  }

  private divided(size: number): number {
    if (size % this.scale === 0) return size / this.scale;
    throw new Error(`PixelUnshuffle: height and width must be multiples of ${this.scale}, but one is ${size}.`);
  }
}
tf.serialization.registerClass(PixelUnshuffle);

/** Whether there is such a layer in a model, or in the models inside it. */
export function hasPixelUnshuffle(model: tf.LayersModel): boolean {
  return model.layers.some(layer => (layer instanceof tf.LayersModel ? hasPixelUnshuffle(layer) : layer instanceof PixelUnshuffle));
}
