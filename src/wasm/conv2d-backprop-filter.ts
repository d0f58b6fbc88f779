import type * as tf from '@tensorflow/tfjs';
import {backend_util} from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, disposeView, runKernel, viewOf} from './kernel.js';
import {transposeTo} from './transpose-to.js';

/** The most floats of shifted images made at a time (unless one image has more): it bounds the memory. */
const SHIFTED_FLOATS = 1024 * 1024;

/**
 * The gradient of a convolution with respect to its filter, as one matrix product for each row of the filter.
 *
 * The filter's element (row, column, c, d) is the sum over all positions p of x[p + tap, c] * dy[p, d]. The left
 * matrix has a row for each (column, c): x with channels first, shifted by that column, on a grid as wide as dy and
 * with rows of zeros between the images. Shifting it by a row of the filter as well takes no copy: it is the same
 * memory read from a later start, since what then runs over the end of an image meets a row of zeros. A vertical stride
 * splits the grid into as many interleaved ones.
 */
export const conv2dBackpropFilter: Kernel = (inputs, attrs, backend) => {
  const x = inputs.x!;
  const dy = inputs.dy!;
  const {strides, pad, dimRoundingMode, dataFormat, filterShape} = attrs as unknown as Conv2DBackpropFilterAttributes;
  const layout = backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC');
  const conv = backend_util.computeConv2DInfo(
    x.shape as [number, number, number, number],
    filterShape,
    strides,
    1,
    pad,
    dimRoundingMode,
    false,
    layout,
  );
  const grid = gridOf(conv);
  const out = backend.makeOutput(filterShape, 'float32');
  backend.typedArrayFromHeap(out).fill(0);
  const imagesAtOnce = Math.max(1, Math.floor(SHIFTED_FLOATS / (conv.strideHeight * grid.rows * grid.imageLength)));
  for (let first = 0; first < conv.batchSize; first += imagesAtOnce) {
    addImages(out, x, dy, conv, grid, first, Math.min(imagesAtOnce, conv.batchSize - first), backend);
  }
  return out;
};

interface Conv2DBackpropFilterAttributes {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  dataFormat?: 'NHWC' | 'NCHW';
  filterShape: [number, number, number, number];
}

type Conv2DInfo = backend_util.Conv2DInfo;

/** The positions that x and dy share: of each image, the rows of dy and as many more as keep it from the next image. */
interface Grid {
  /** Rows of each image that a tap may read; those that follow are zeros. */
  height: number;
  /** Positions of one image. */
  imageLength: number;
  /** Rows of the left matrix: columns of the filter times input channels. */
  rows: number;
  /** Positions that a filter's row may reach before the first one and after the last one. */
  before: number;
  after: number;
}

function gridOf(conv: Conv2DInfo): Grid {
  const {filterHeight, filterWidth, inHeight, inChannels, outHeight, outWidth, strideHeight} = conv;
  const up = Math.max(0, -tapOf(0, conv.padInfo.top, strideHeight).shift);
  const down = Math.max(0, tapOf(filterHeight - 1, conv.padInfo.top, strideHeight).shift);
  const height = Math.max(outHeight, Math.min(outHeight + down, Math.ceil(inHeight / strideHeight)));
  const gap = Math.max(up, outHeight + down - height);
  return {
    height,
    imageLength: (height + gap) * outWidth,
    rows: filterWidth * inChannels,
    before: up * outWidth,
    after: down * outWidth,
  };
}

/** Where a tap of the filter reads: pixel `(position + shift) * stride + phase` of x. */
function tapOf(tap: number, pad: number, stride: number): {shift: number; phase: number} {
  const shift = Math.floor((tap - pad) / stride);
  return {shift, phase: tap - pad - shift * stride};
}

/** Adds what `count` images from the `first` contribute to the gradient. */
function addImages(
  out: tf.TensorInfo,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  conv: Conv2DInfo,
  grid: Grid,
  first: number,
  count: number,
  backend: WasmBackend,
): void {
  const length = count * grid.imageLength;
  const shifted = shiftedImages(x, conv, grid, first, count, backend);
  const upstream = embedOnGrid(dy, conv, grid, first, count, backend);
  for (let row = 0; row < conv.filterHeight; row++) {
    const {shift, phase} = tapOf(row, conv.padInfo.top, conv.strideHeight);
    const start = grid.before + phase * grid.rows * length + shift * conv.outWidth;
    const a = viewOf(backend, shifted, start, [grid.rows, length]);
    const product = runKernel(backend, 'BatchMatMul', {a, b: upstream}, {transposeA: false, transposeB: false});
    const values = backend.typedArrayFromHeap(product);
    const target = backend.typedArrayFromHeap(out);
    const to = row * values.length;
    if (first === 0) target.set(values, to);
    else for (let i = 0; i < values.length; i++) target[to + i]! += values[i]!;
    disposeView(backend, a);
    disposeAll(backend, product);
  }
  disposeAll(backend, shifted, upstream);
}

/** For each phase of the rows and each column of the filter, x as [channels, positions], shifted by that column. */
function shiftedImages(
  x: tf.TensorInfo,
  conv: Conv2DInfo,
  grid: Grid,
  first: number,
  count: number,
  backend: WasmBackend,
): tf.TensorInfo {
  const {inChannels, inHeight, inWidth, filterWidth, outWidth, strideHeight, strideWidth} = conv;
  const length = count * grid.imageLength;
  const size = grid.before + strideHeight * grid.rows * length + grid.after;
  const out = backend.makeOutput([size], 'float32');
  const values = backend.typedArrayFromHeap(x);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0, 0, grid.before);
  target.fill(0, size - grid.after);
  const lastRow = Math.min(inHeight, grid.height * strideHeight);
  const blockLength = inChannels * length;
  for (let column = 0; column < filterWidth; column++) {
    const {shift, phase} = tapOf(column, conv.padInfo.left, strideWidth);
    const copied = column >= strideWidth;
    for (let rowPhase = 0; rowPhase < strideHeight; rowPhase++) {
      const block = grid.before + (rowPhase * filterWidth + column) * blockLength;
      if (copied) {
        // All but the last column of each row is the block of the tap to the left, moved by one position.
        const left = block - strideWidth * blockLength;
        target.copyWithin(block, left + 1, left + blockLength);
        for (let i = block + outWidth - 1; i < block + blockLength; i += outWidth) target[i] = 0;
      } else {
        target.fill(0, block, block + blockLength);
      }
    }
    const begin = Math.max(copied ? outWidth - 1 : 0, -shift);
    const end = Math.min(outWidth, Math.ceil((inWidth - phase) / strideWidth) - shift);
    for (let image = 0; image < count; image++) {
      for (let row = 0; row < lastRow; row++) {
        const block = grid.before + ((row % strideHeight) * filterWidth + column) * blockLength;
        const position = image * grid.imageLength + Math.floor(row / strideHeight) * outWidth;
        transposeTo(
          values,
          (((first + image) * inHeight + row) * inWidth + (begin + shift) * strideWidth + phase) * inChannels,
          strideWidth * inChannels,
          target,
          block + position + begin,
          length,
          end - begin,
          inChannels,
        );
      }
    }
  }
  return out;
}

/** dy as [positions, outChannels], zero where the grid is larger than dy. */
function embedOnGrid(
  dy: tf.TensorInfo,
  conv: Conv2DInfo,
  grid: Grid,
  first: number,
  count: number,
  backend: WasmBackend,
): tf.TensorInfo {
  const {outHeight, outWidth, outChannels} = conv;
  const out = backend.makeOutput([count * grid.imageLength, outChannels], 'float32');
  const values = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  const run = outHeight * outWidth * outChannels;
  for (let image = 0; image < count; image++) {
    const to = image * grid.imageLength * outChannels;
    target.set(values.subarray((first + image) * run, (first + image + 1) * run), to);
    target.fill(0, to + run, to + grid.imageLength * outChannels);
  }
  return out;
}
