import * as tf from '@tensorflow/tfjs';

/**
 * The layer that makes pixels of channels: `[batch, height, width, scale * scale * channels]` becomes `[batch, scale * height,
 * scale * width, channels]`. Channel `(scale * y + x) * channels + c` of a pixel becomes channel c of the pixel in row y and
 * column x of its block, as in TensorFlow's depth_to_space; PyTorch's pixel_shuffle counts `(c * scale + y) * scale + x`.
 *
 * A saved model finds it by its class name, wherever this package was imported.
 *
 * Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
 * Network", 2016, https://arxiv.org/abs/1609.05158
 */
export class PixelShuffle extends tf.layers.Layer {
  static className = 'PixelShuffle';
  readonly scale: number;

  constructor({scale, ...config}: {scale: number; name?: string}) {
    super(config);
    if (!Number.isInteger(scale) || scale < 1) {
      throw new Error(`PixelShuffle: scale must be a whole number of at least 1, but it is ${scale}.`);
    }
    this.scale = scale;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch = null, height, width, channels] = inputShape as tf.Shape;
    const {scale} = this;
    if (typeof channels !== 'number' || channels % (scale * scale) !== 0) {
      throw new Error(`PixelShuffle: the channels must be a multiple of ${scale * scale}, but there are ${channels}.`);
    }
    const larger = (size: number | null | undefined) => (size == null ? null : scale * size);
    return [batch, larger(height), larger(width), channels / (scale * scale)];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const images = [inputs].flat()[0] as tf.Tensor4D;
    return this.scale === 1 ? images.clone() : tf.depthToSpace(images, this.scale, 'NHWC');
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), scale: this.scale};
  }
}
tf.serialization.registerClass(PixelShuffle);
