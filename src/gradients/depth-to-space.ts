import type * as tf from '@tensorflow/tfjs';

/** The gradient of depthToSpace, which TensorFlow.js lacks: each block of pixels goes back into its pixel's channels. */
export const depthToSpaceGradient: tf.GradConfig = {
  kernelName: 'DepthToSpace',
  gradFunc: (dy, _, attrs) => ({
    x: () => spaceToDepth(dy as tf.Tensor4D, attrs.blockSize as number, attrs.dataFormat as 'NHWC' | 'NCHW'),
  }),
};

/** Made of operations that have gradients, so that it differentiates again. */
function spaceToDepth(images: tf.Tensor4D, block: number, dataFormat: 'NHWC' | 'NCHW'): tf.Tensor {
  if (dataFormat === 'NCHW') {
    const [batch, channels, height, width] = images.shape;
    return images
      .reshape([batch, channels, height / block, block, width / block, block])
      .transpose([0, 3, 5, 1, 2, 4])
      .reshape([batch, block * block * channels, height / block, width / block]);
  }
  const [batch, height, width, channels] = images.shape;
  return images
    .reshape([batch, height / block, block, width / block, block, channels])
    .transpose([0, 1, 3, 2, 4, 5])
    .reshape([batch, height / block, width / block, block * block * channels]);
}
