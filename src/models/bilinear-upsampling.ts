import * as tf from '@tensorflow/tfjs';

/**
 * The layer that doubles height and width by bilinear interpolation between the centres of pixels, as PyTorch's
 * `interpolate(scale_factor=2, mode='bilinear')`; that of tfjs, `upSampling2d`, shifts the image by a quarter of a pixel.
 *
 * A saved model finds it by its class name, wherever this package was imported.
 */
export class BilinearUpsampling extends tf.layers.Layer {
  static className = 'BilinearUpsampling';

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch = null, height, width, channels = null] = inputShape as tf.Shape;
    const twice = (size: number | null | undefined) => (size == null ? null : 2 * size);
    return [batch, twice(height), twice(width), channels];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const images = [inputs].flat()[0] as tf.Tensor4D;
    return tf.image.resizeBilinear(images, [2 * images.shape[1], 2 * images.shape[2]], false, true);
  }
}
tf.serialization.registerClass(BilinearUpsampling);
