import type * as tf from '@tensorflow/tfjs';
import {backend_util} from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/** How many floats of the gathered matrix are made at a time: 16 MB, which bounds the memory and stays near the caches. */
const GATHERED_FLOATS = 4 * 1024 * 1024;

/**
 * The gradient of a convolution with respect to its filter, as one matrix product.
 *
 * The filter's element (tap, c, d) is the sum over all positions p of x[p + tap, c] * dy[p, d]. With x transposed to
 * channels first on a padded grid, and dy laid out on that same grid with zeros between its rows, the values
 * x[p + tap, c] for all p are one contiguous run that starts at the tap's offset. So the left matrix, [taps * channels,
 * positions], is gathered by plain copies, and the product comes out in the filter's own layout. A stride splits the
 * grid into as many interleaved ones, each again with stride 1.
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
  const channels = transposeToGrid(x, conv, grid, backend);
  const embedded = embedOnGrid(dy, conv, grid, backend);

  const rows = conv.filterHeight * conv.filterWidth * conv.inChannels;
  const step = Math.max(1, Math.min(grid.positions, Math.floor(GATHERED_FLOATS / rows)));
  let sum: tf.TensorInfo | undefined;
  for (let begin = 0; begin < grid.positions; begin += step) {
    const size = Math.min(step, grid.positions - begin);
    const gathered = gather(channels, conv, grid, begin, size, backend);
    const whole = size === grid.positions;
    const part = whole ? embedded : positionsOf(embedded, begin, size, conv.outChannels, backend);
    const product = runKernel(backend, 'BatchMatMul', {a: gathered, b: part}, {transposeA: false, transposeB: false});
    disposeAll(backend, gathered, ...(whole ? [] : [part]));
    if (sum) {
      const previous = sum;
      sum = runKernel(backend, 'Add', {a: previous, b: product});
      disposeAll(backend, previous, product);
    } else {
      sum = product;
    }
  }
  disposeAll(backend, channels, embedded);
  return {...sum!, shape: filterShape};
};

interface Conv2DBackpropFilterAttributes {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  dataFormat?: 'NHWC' | 'NCHW';
  filterShape: [number, number, number, number];
}

type Conv2DInfo = backend_util.Conv2DInfo;

/** The grid that x and dy share: of each image, as many rows and columns of every phase as the taps reach. */
interface Grid {
  height: number;
  width: number;
  /** height * width * batch. */
  positions: number;
  /** The floats after the last position that a tap may still reach. */
  reach: number;
}

function gridOf(conv: Conv2DInfo): Grid {
  const extraRows = Math.floor((conv.filterHeight - 1) / conv.strideHeight);
  const extraColumns = Math.floor((conv.filterWidth - 1) / conv.strideWidth);
  const height = conv.outHeight + extraRows;
  const width = conv.outWidth + extraColumns;
  return {height, width, positions: conv.batchSize * height * width, reach: extraRows * width + extraColumns};
}

/** x as [phases * channels, positions + reach], padded with zeros. */
function transposeToGrid(x: tf.TensorInfo, conv: Conv2DInfo, grid: Grid, backend: WasmBackend): tf.TensorInfo {
  const {inChannels, inHeight, inWidth, strideHeight, strideWidth} = conv;
  const {top, left} = conv.padInfo;
  const length = grid.positions + grid.reach;
  const out = backend.makeOutput([strideHeight * strideWidth * inChannels, length], 'float32');
  const values = backend.typedArrayFromHeap(x);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  const lastRow = Math.min(inHeight, grid.height * strideHeight - top);
  const lastColumn = Math.min(inWidth, grid.width * strideWidth - left);
  for (let image = 0; image < conv.batchSize; image++) {
    for (let row = 0; row < lastRow; row++) {
      const padded = row + top;
      const rowPhase = padded % strideHeight;
      const rowStart = (image * grid.height + (padded - rowPhase) / strideHeight) * grid.width;
      for (let column = 0; column < lastColumn; column++) {
        const paddedColumn = column + left;
        const phase = rowPhase * strideWidth + (paddedColumn % strideWidth);
        const source = ((image * inHeight + row) * inWidth + column) * inChannels;
        let position = phase * inChannels * length + rowStart + Math.floor(paddedColumn / strideWidth);
        for (let channel = 0; channel < inChannels; channel++, position += length) {
          target[position] = values[source + channel]!;
        }
      }
    }
  }
  return out;
}

/** dy as [positions, outChannels], zero where the grid is larger than dy. */
function embedOnGrid(dy: tf.TensorInfo, conv: Conv2DInfo, grid: Grid, backend: WasmBackend): tf.TensorInfo {
  const {batchSize, outHeight, outWidth, outChannels} = conv;
  const out = backend.makeOutput([grid.positions, outChannels], 'float32');
  const values = backend.typedArrayFromHeap(dy);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  const run = outWidth * outChannels;
  for (let image = 0; image < batchSize; image++) {
    for (let row = 0; row < outHeight; row++) {
      const source = (image * outHeight + row) * run;
      target.set(values.subarray(source, source + run), (image * grid.height + row) * grid.width * outChannels);
    }
  }
  return out;
}

/** The left matrix for `size` positions from `begin`: [taps * channels, size]. */
function gather(
  channels: tf.TensorInfo,
  conv: Conv2DInfo,
  grid: Grid,
  begin: number,
  size: number,
  backend: WasmBackend,
): tf.TensorInfo {
  const {filterHeight, filterWidth, inChannels, strideHeight, strideWidth} = conv;
  const out = backend.makeOutput([filterHeight * filterWidth * inChannels, size], 'float32');
  const values = backend.typedArrayFromHeap(channels);
  const target = backend.typedArrayFromHeap(out);
  const length = grid.positions + grid.reach;
  let to = 0;
  for (let row = 0; row < filterHeight; row++) {
    for (let column = 0; column < filterWidth; column++) {
      const phase = (row % strideHeight) * strideWidth + (column % strideWidth);
      const offset = Math.floor(row / strideHeight) * grid.width + Math.floor(column / strideWidth) + begin;
      for (let channel = 0; channel < inChannels; channel++, to += size) {
        const from = (phase * inChannels + channel) * length + offset;
        target.set(values.subarray(from, from + size), to);
      }
    }
  }
  return out;
}

/** Rows `begin` to `begin + size` of a matrix. */
function positionsOf(
  matrix: tf.TensorInfo,
  begin: number,
  size: number,
  columns: number,
  backend: WasmBackend,
): tf.TensorInfo {
  const out = backend.makeOutput([size, columns], 'float32');
  const values = backend.typedArrayFromHeap(matrix);
  backend.typedArrayFromHeap(out).set(values.subarray(begin * columns, (begin + size) * columns));
  return out;
}
