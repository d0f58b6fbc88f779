import * as tf from '@tensorflow/tfjs';
import type {Kernel} from './kernel.js';

type Windows = Pick<
  tf.backend_util.Conv3DInfo,
  'batchSize' | 'inDepth' | 'inHeight' | 'inWidth' | 'inChannels' | 'outDepth' | 'outHeight' | 'outWidth'
> & {filter: number[]; strides: number[]; start: number[]};

/** Maximum pooling of volumes. The backend's own gives the smallest positive number for windows without a positive value. */
export const maxPool3D: Kernel = ({x}, attrs, backend) => {
  const windows = windowsOf(x!.shape, attrs);
  const {batchSize, outDepth, outHeight, outWidth, inChannels} = windows;
  const out = backend.makeOutput([batchSize, outDepth, outHeight, outWidth, inChannels], x!.dtype);
  const [values, target] = [x!, out].map(tensor => backend.typedArrayFromHeap(tensor));
  let to = 0;
  forEachWindow(windows, voxels => {
    for (let channel = 0; channel < inChannels; channel++) {
      let greatest = values![voxels[0]! + channel]!;
      for (const voxel of voxels) greatest = Math.max(greatest, values![voxel + channel]!);
      target![to++] = greatest;
    }
  });
  return out;
};

/**
 * The gradient of maximum pooling: each window's goes to the first of its greatest values. The backend's own finds no
 * place in windows without a positive value.
 */
export const maxPoolGrad: Kernel = ({dy, input}, attrs, backend) => {
  const windows = windowsOf(input!.shape, attrs);
  const out = backend.makeOutput(input!.shape, 'float32');
  const [values, upstream, target] = [input!, dy!, out].map(tensor => backend.typedArrayFromHeap(tensor));
  target!.fill(0);
  let from = 0;
  forEachWindow(windows, voxels => {
    for (let channel = 0; channel < windows.inChannels; channel++) {
      let greatest = voxels[0]! + channel;
      for (const voxel of voxels) if (values![voxel + channel]! > values![greatest]!) greatest = voxel + channel;
      target![greatest]! += upstream![from++]!;
    }
  });
  return out;
};

interface Attributes {
  filterSize: number;
  strides: number;
  pad: number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

const windowsOf = (shape: number[], attrs: Record<string, unknown>) =>
  shape.length === 5 ? windows3D(shape, attrs) : windows2D(shape, attrs);

function windows3D(shape: number[], attrs: Record<string, unknown>): Windows {
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as Attributes;
  const inShape = shape as tf.Tensor5D['shape'];
  const info = tf.backend_util.computePool3DInfo(inShape, filterSize, strides, 1, pad, dimRoundingMode);
  return {
    ...info,
    filter: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    start: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
  };
}

function windows2D(shape: number[], attrs: Record<string, unknown>): Windows {
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as Attributes;
  const inShape = shape as tf.Tensor4D['shape'];
  const info = tf.backend_util.computePool2DInfo(inShape, filterSize, strides, 1, pad, dimRoundingMode);
  return {
    ...info,
    inDepth: 1,
    outDepth: 1,
    filter: [1, info.filterHeight, info.filterWidth],
    strides: [1, info.strideHeight, info.strideWidth],
    start: [0, info.padInfo.top, info.padInfo.left],
  };
}

/** Calls with the places of the first channels of the voxels of each window. */
function forEachWindow(windows: Windows, call: (voxels: number[]) => void): void {
  const {batchSize, inDepth, inHeight, inWidth, inChannels, filter, strides, start} = windows;
  /** From where to where the n-th window lies on an axis. */
  const range = (axis: number, n: number, size: number): [number, number] => {
    const begin = n * strides[axis]! - start[axis]!;
    return [Math.max(0, begin), Math.min(size, begin + filter[axis]!)];
  };
  for (let b = 0; b < batchSize; b++)
    for (let i = 0; i < windows.outDepth; i++)
      for (let j = 0; j < windows.outHeight; j++)
        for (let k = 0; k < windows.outWidth; k++) {
          const [front, back] = range(0, i, inDepth);
          const [top, bottom] = range(1, j, inHeight);
          const [left, right] = range(2, k, inWidth);
          const voxels: number[] = [];
          for (let z = front; z < back; z++)
            for (let y = top; y < bottom; y++)
              for (let x = left; x < right; x++)
                voxels.push((((b * inDepth + z) * inHeight + y) * inWidth + x) * inChannels);
          call(voxels);
        }
}
