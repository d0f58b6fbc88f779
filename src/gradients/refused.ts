import type * as tf from '@tensorflow/tfjs';

const DILATION = 'The second derivative of dilation2d is not supported; use maxPool, or the maximum of shifted copies.';

/** The kernels that no gradient leads through, and the way out. */
const REFUSED: Record<string, string> = {
  ComplexAbs: 'The gradient of abs of complex numbers is not supported; keep their two parts as two tensors.',
  Dilation2DBackpropFilter: DILATION,
  Dilation2DBackpropInput: DILATION,
};

export const refusedGradients = Object.entries(REFUSED).map(([kernelName, message]): tf.GradConfig => ({
  kernelName,
  gradFunc: () => {
    throw new Error(message);
  },
}));
