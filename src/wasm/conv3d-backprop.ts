import * as tf from '@tensorflow/tfjs';
import type {Kernel} from './kernel.js';

type Shape5D = [number, number, number, number, number];

/** The gradient of a 3D convolution with respect to its input. The backend's own is wrong, and writes beyond its memory. */
export const conv3dBackpropInput: Kernel = ({dy, filter}, attrs, backend) => {
  const shape = attrs.inputShape as Shape5D;
  const out = backend.makeOutput(shape, 'float32');
  const [upstream, taps, target] = [dy!, filter!, out].map(tensor => backend.typedArrayFromHeap(tensor)) as Values[];
  const [inputs, outputs] = filter!.shape.slice(3) as [number, number];
  target!.fill(0);
  forEachTap(shape, filter!.shape as Shape5D, attrs, (at, tap, from) => {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (let o = 0; o < outputs; o++) sum += taps![tap + i * outputs + o]! * upstream![from + o]!;
      target![at + i]! += sum;
    }
  });
  return out;
};

/** The gradient of a 3D convolution with respect to its filter. */
export const conv3dBackpropFilter: Kernel = ({x, dy}, attrs, backend) => {
  const shape = attrs.filterShape as Shape5D;
  const out = backend.makeOutput(shape, 'float32');
  const [values, upstream, target] = [x!, dy!, out].map(tensor => backend.typedArrayFromHeap(tensor)) as Values[];
  const [, , , inputs, outputs] = shape;
  target!.fill(0);
  forEachTap(x!.shape as Shape5D, shape, attrs, (at, tap, from) => {
    for (let i = 0; i < inputs; i++) {
      const value = values![at + i]!;
      for (let o = 0; o < outputs; o++) target![tap + i * outputs + o]! += value * upstream![from + o]!;
    }
  });
  return out;
};

type Values = Float32Array;

/** Calls with the places of the first channels of an input voxel, of a tap that it meets, and of the output of both. */
function forEachTap(
  inputShape: Shape5D,
  filterShape: Shape5D,
  {strides, pad}: Record<string, unknown>,
  call: (input: number, tap: number, output: number) => void,
): void {
  const info = tf.backend_util.computeConv3DInfo(
    inputShape,
    filterShape,
    strides as number,
    1,
    pad as 'same' | 'valid',
  );
  const {front, top, left} = info.padInfo;
  const {batchSize, inDepth, inHeight, inWidth, inChannels, outChannels, filterDepth, filterHeight, filterWidth} = info;
  let output = 0;
  for (let b = 0; b < batchSize; b++)
    for (let z = -front; z < info.outDepth * info.strideDepth - front; z += info.strideDepth)
      for (let y = -top; y < info.outHeight * info.strideHeight - top; y += info.strideHeight)
        for (let x = -left; x < info.outWidth * info.strideWidth - left; x += info.strideWidth, output += outChannels)
          for (let d = Math.max(0, -z); d < Math.min(filterDepth, inDepth - z); d++)
            for (let h = Math.max(0, -y); h < Math.min(filterHeight, inHeight - y); h++)
              for (let w = Math.max(0, -x); w < Math.min(filterWidth, inWidth - x); w++) {
                const voxel = ((b * inDepth + z + d) * inHeight + y + h) * inWidth + x + w;
                const tap = (d * filterHeight + h) * filterWidth + w;
                call(voxel * inChannels, tap * inChannels * outChannels, output);
              }
}
