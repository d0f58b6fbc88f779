import * as tf from '@tensorflow/tfjs';

/** The gradient of the kernel that is the gradient of ELU: dy * (y < 0 ? y + 1 : 1). */
export const gradientOfEluGradient: tf.GradConfig = {
  kernelName: 'EluGrad',
  inputsToSave: ['dy', 'y'],
  gradFunc: (ddx, [dy, y]) => ({
    dy: () => tf.engine().runKernel<tf.Tensor>('EluGrad', {dy: ddx as tf.Tensor, y: y!}),
    y: () => (ddx as tf.Tensor).mul(dy!).mul(y!.less(0).toFloat()),
  }),
};

const SCALE_ALPHA = tf.backend_util.SELU_SCALEALPHA;
const SCALE = tf.backend_util.SELU_SCALE;

/** The gradient of SELU from its output. TensorFlow.js's own takes e^x, which overflows, and then is NaN when differentiated again. */
export const seluGradient: tf.GradConfig = {
  kernelName: 'Selu',
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({
    x: () => (dy as tf.Tensor).mul(tf.where(y!.greater(0), SCALE, y!.add(SCALE_ALPHA))),
  }),
};
