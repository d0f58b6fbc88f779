import {backend_util} from '@tensorflow/tfjs';
import type {Kernel} from './kernel.js';

type Shape4D = [number, number, number, number];

interface DepthwiseAttributes {
  strides: number | [number, number];
  dilations: number | [number, number];
  pad: 'valid' | 'same' | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  inputShape?: Shape4D;
  filterShape?: Shape4D;
}

/** The gradient of a depthwise convolution with respect to its input. */
export const depthwiseConv2dBackpropInput: Kernel = (inputs, attrs, backend) => {
  const dy = inputs.dy!;
  const filter = inputs.filter!;
  const {inputShape} = attrs as unknown as DepthwiseAttributes;
  const out = backend.makeOutput(inputShape!, 'float32');
  const upstream = backend.typedArrayFromHeap(dy);
  const weights = backend.typedArrayFromHeap(filter);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  visit(
    inputShape!,
    filter.shape as Shape4D,
    attrs as unknown as DepthwiseAttributes,
    (input, weight, output, multiplier) => {
      for (let m = 0; m < multiplier; m++) target[input]! += upstream[output + m]! * weights[weight + m]!;
    },
  );
  return out;
};

/** The gradient of a depthwise convolution with respect to its filter. */
export const depthwiseConv2dBackpropFilter: Kernel = (inputs, attrs, backend) => {
  const x = inputs.x!;
  const dy = inputs.dy!;
  const {filterShape} = attrs as unknown as DepthwiseAttributes;
  const out = backend.makeOutput(filterShape!, 'float32');
  const values = backend.typedArrayFromHeap(x);
  const upstream = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  visit(
    x.shape as Shape4D,
    filterShape!,
    attrs as unknown as DepthwiseAttributes,
    (input, weight, output, multiplier) => {
      for (let m = 0; m < multiplier; m++) target[weight + m]! += values[input]! * upstream[output + m]!;
    },
  );
  return out;
};

/**
 * Calls `each` for every product of the forward convolution, with the indices of the input value and of the first of
 * its channel's `multiplier` weights and outputs. There are few products per value, so plain loops serve.
 */
function visit(
  inputShape: Shape4D,
  filterShape: Shape4D,
  {strides, dilations, pad, dimRoundingMode}: DepthwiseAttributes,
  each: (input: number, weight: number, output: number, multiplier: number) => void,
): void {
  const conv = backend_util.computeConv2DInfo(inputShape, filterShape, strides, dilations, pad, dimRoundingMode, true);
  const {inHeight, inWidth, inChannels, outHeight, outWidth, outChannels} = conv;
  const multiplier = outChannels / inChannels;
  for (let image = 0; image < conv.batchSize; image++) {
    for (let row = 0; row < outHeight; row++) {
      for (let tapRow = 0; tapRow < conv.filterHeight; tapRow++) {
        const y = row * conv.strideHeight + tapRow * conv.dilationHeight - conv.padInfo.top;
        if (y < 0 || y >= inHeight) continue;
        for (let column = 0; column < outWidth; column++) {
          const output = ((image * outHeight + row) * outWidth + column) * outChannels;
          for (let tapColumn = 0; tapColumn < conv.filterWidth; tapColumn++) {
            const x = column * conv.strideWidth + tapColumn * conv.dilationWidth - conv.padInfo.left;
            if (x < 0 || x >= inWidth) continue;
            const input = ((image * inHeight + y) * inWidth + x) * inChannels;
            const weight = (tapRow * conv.filterWidth + tapColumn) * outChannels;
            for (let channel = 0; channel < inChannels; channel++) {
              each(input + channel, weight + channel * multiplier, output + channel * multiplier, multiplier);
            }
          }
        }
      }
    }
  }
}
