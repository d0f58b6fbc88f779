import {addNearestNeighborGradient} from '../gradients/nearest-neighbor.js';
import type {Kernel} from './kernel.js';

type Shape = [number, number, number, number];

/** The gradient of nearest-neighbour resizing: each output pixel's goes to the input pixel it was copied from. */
export const resizeNearestNeighborGrad: Kernel = (inputs, attrs, backend) => {
  const images = inputs.images!;
  const dy = inputs.dy!;
  const out = backend.makeOutput(images.shape, 'float32');
  const upstream = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  addNearestNeighborGradient(target, images.shape as Shape, upstream, dy.shape as Shape, attrs);
  return out;
};
