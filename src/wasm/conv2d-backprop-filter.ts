import type * as tf from '@tensorflow/tfjs';
import {backend_util} from '@tensorflow/tfjs';
import {copyRun} from './copy-run.js';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, disposeView, runKernel, viewOf} from './kernel.js';
import {transposeTo} from './transpose-to.js';

/** The most floats of rearranged images made at a time (unless one image has more): it bounds the memory. */
const REARRANGED_FLOATS = 1024 * 1024;

/**
 * The gradient of a convolution with respect to its filter, as one matrix product for each tap of the filter.
 *
 * The filter's element (row, column, c, d) is the sum over all positions p of x[p + tap, c] * dy[p, d]. The left matrix is
 * x with channels first, on a grid as wide as dy and with zeros between the rows and between the images. Shifting it by a
 * tap takes no copy: it is the same memory read from a later start, since what then runs over the end of a row or an image
 * meets zeros. A stride splits the grid into as many interleaved ones.
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
  const floatsPerImage = (conv.strideHeight * conv.strideWidth * conv.inChannels + conv.outChannels) * grid.imageLength;
  const imagesAtOnce = Math.max(1, Math.floor(REARRANGED_FLOATS / floatsPerImage));
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

/** The positions that x and dy share: those of dy, and as many more as keep each row and image from the next. */
interface Grid {
  /** Rows of each image, and columns of each row, that a tap may read; those that follow are zeros. */
  height: number;
  width: number;
  /** Positions of one row and of one image, the zeros included. */
  rowLength: number;
  imageLength: number;
  /** Positions that a tap may reach before the first one and after the last one. */
  before: number;
  after: number;
}

function gridOf(conv: Conv2DInfo): Grid {
  const down = axisOf(conv.filterHeight, conv.padInfo.top, conv.strideHeight, conv.inHeight, conv.outHeight);
  const across = axisOf(conv.filterWidth, conv.padInfo.left, conv.strideWidth, conv.inWidth, conv.outWidth);
  const rowLength = across.size + across.gap;
  return {
    height: down.size,
    width: across.size,
    rowLength,
    imageLength: (down.size + down.gap) * rowLength,
    before: down.before * rowLength + across.before,
    after: down.after * rowLength + across.after,
  };
}

/** One axis of the grid: how many of its places a tap may read, the zeros behind them, and how far taps reach. */
function axisOf(filterSize: number, pad: number, stride: number, inSize: number, outSize: number) {
  const before = Math.max(0, -tapOf(0, pad, stride).shift);
  const after = Math.max(0, tapOf(filterSize - 1, pad, stride).shift);
  const size = Math.max(outSize, Math.min(outSize + after, Math.ceil(inSize / stride)));
  return {size, gap: Math.max(before, outSize + after - size), before, after};
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
  const {filterHeight, filterWidth, strideHeight, strideWidth, inChannels, padInfo} = conv;
  const length = count * grid.imageLength;
  const images = channelsFirst(x, conv, grid, first, count, backend);
  const upstream = embedOnGrid(dy, conv, grid, first, count, backend);
  for (let tap = 0; tap < filterHeight * filterWidth; tap++) {
    const row = tapOf(Math.floor(tap / filterWidth), padInfo.top, strideHeight);
    const column = tapOf(tap % filterWidth, padInfo.left, strideWidth);
    const block = (row.phase * strideWidth + column.phase) * inChannels * length;
    const start = grid.before + block + row.shift * grid.rowLength + column.shift;
    const a = viewOf(backend, images, start, [inChannels, length]);
    const product = runKernel(backend, 'BatchMatMul', {a, b: upstream}, {transposeA: false, transposeB: false});
    const values = backend.typedArrayFromHeap(product);
    const target = backend.typedArrayFromHeap(out);
    const to = tap * values.length;
    if (first === 0) copyRun(values, 0, target, to, values.length);
    else for (let i = 0; i < values.length; i++) target[to + i]! += values[i]!;
    disposeView(backend, a);
    disposeAll(backend, product);
  }
  disposeAll(backend, images, upstream);
}

/** For each phase of the rows and of the columns, x as [channels, positions]. */
function channelsFirst(
  x: tf.TensorInfo,
  conv: Conv2DInfo,
  grid: Grid,
  first: number,
  count: number,
  backend: WasmBackend,
): tf.TensorInfo {
  const {inChannels, inHeight, inWidth, strideHeight, strideWidth} = conv;
  const length = count * grid.imageLength;
  const size = grid.before + strideHeight * strideWidth * inChannels * length + grid.after;
  const out = backend.makeOutput([size], 'float32');
  const values = backend.typedArrayFromHeap(x);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  const lastRow = Math.min(inHeight, grid.height * strideHeight);
  for (let image = 0; image < count; image++) {
    for (let row = 0; row < lastRow; row++) {
      const position = image * grid.imageLength + Math.floor(row / strideHeight) * grid.rowLength;
      const from = ((first + image) * inHeight + row) * inWidth;
      for (let phase = 0; phase < strideWidth; phase++) {
        const block = ((row % strideHeight) * strideWidth + phase) * inChannels * length;
        transposeTo(
          values,
          (from + phase) * inChannels,
          strideWidth * inChannels,
          target,
          grid.before + block + position,
          length,
          Math.min(grid.width, Math.ceil((inWidth - phase) / strideWidth)),
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
  target.fill(0);
  const run = outWidth * outChannels;
  for (let image = 0; image < count; image++) {
    for (let row = 0; row < outHeight; row++) {
      const to = (image * grid.imageLength + row * grid.rowLength) * outChannels;
      copyRun(values, ((first + image) * outHeight + row) * run, target, to, run);
    }
  }
  return out;
}
