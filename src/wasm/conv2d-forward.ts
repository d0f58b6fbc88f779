import type * as tf from '@tensorflow/tfjs';
import {fused, onePerChannel} from './fused.js';
import type {Kernel} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];

/** A convolution that also takes images with channels first, which the backend refuses. */
export function conv2d(original: Kernel): Kernel {
  return (inputs, attrs, backend) => {
    if (attrs.dataFormat !== 'NCHW') return original(inputs, attrs, backend);
    const x = runKernel(backend, 'Transpose', {x: inputs.x!}, {perm: TO_NHWC});
    const y = original({...inputs, x}, {...attrs, dataFormat: 'NHWC', pad: channelsLast(attrs.pad)}, backend);
    const out = runKernel(backend, 'Transpose', {x: y}, {perm: TO_NCHW});
    disposeAll(backend, x, y);
    return out;
  };
}

/** The same for a kernel that gives a gradient of a convolution: `inputNames` are its inputs that are images. */
export function channelsFirstToo(kernel: Kernel, inputNames: string[], returnsImages: boolean): Kernel {
  return (inputs, attrs, backend) => {
    if (attrs.dataFormat !== 'NCHW') return kernel(inputs, attrs, backend);
    const turned: Record<string, tf.TensorInfo> = {...inputs};
    for (const name of inputNames) turned[name] = runKernel(backend, 'Transpose', {x: inputs[name]!}, {perm: TO_NHWC});
    const shape = attrs.inputShape as number[] | undefined;
    const y = kernel(
      turned,
      {...attrs, dataFormat: 'NHWC', pad: channelsLast(attrs.pad), inputShape: shape && TO_NHWC.map(i => shape[i]!)},
      backend,
    );
    disposeAll(backend, ...inputNames.map(name => turned[name]!));
    if (!returnsImages) return y;
    const out = runKernel(backend, 'Transpose', {x: y}, {perm: TO_NCHW});
    disposeAll(backend, y);
    return out;
  };
}

/** Explicit padding names an amount per axis, so its order follows the layout. */
function channelsLast(pad: unknown): unknown {
  return Array.isArray(pad) ? TO_NHWC.map(i => pad[i] as unknown) : pad;
}

/** A fused convolution whose bias and slopes may have any shape that broadcasts, as `tf.fused` allows. */
export function fusedConvolution(original: Kernel): Kernel {
  return fused(original, 'Conv2D', inputs => onePerChannel(inputs, inputs.filter!.shape[3]!));
}

/** The same of a depthwise convolution. */
export function fusedDepthwiseConvolution(original: Kernel): Kernel {
  return fused(original, 'DepthwiseConv2dNative', inputs => {
    const [, , channels, multiplier] = inputs.filter!.shape;
    return onePerChannel(inputs, channels! * multiplier!);
  });
}
