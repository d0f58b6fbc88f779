import {sourceIndices} from '../gradients/nearest-neighbor.js';
import type {Kernel} from './kernel.js';

/** The gradient of nearest-neighbour resizing: each output pixel's goes to the input pixel it was copied from. */
export const resizeNearestNeighborGrad: Kernel = (inputs, attrs, backend) => {
  const images = inputs.images!;
  const dy = inputs.dy!;
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
  const rowOf = sourceIndices(height, outHeight, attrs);
  const columnOf = sourceIndices(width, outWidth, attrs);
  const out = backend.makeOutput(images.shape, 'float32');
  const upstream = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  let from = 0;
  for (let image = 0; image < batch; image++) {
    for (let row = 0; row < outHeight; row++) {
      const rowStart = (image * height + rowOf[row]!) * width;
      for (let column = 0; column < outWidth; column++) {
        const to = (rowStart + columnOf[column]!) * channels;
        for (let channel = 0; channel < channels; channel++) target[to + channel]! += upstream[from++]!;
      }
    }
  }
  return out;
};
