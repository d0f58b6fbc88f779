import type * as tf from '@tensorflow/tfjs';
import {backend_util} from '@tensorflow/tfjs';
import {copyRun} from './copy-run.js';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';
import {transposeTo} from './transpose-to.js';

/** Below this many positions for each channel of dy, turning the filter costs more than adding up products does. */
const POSITIONS_PER_CHANNEL = 4;

interface Conv2DBackpropInputAttributes {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  dataFormat?: 'NHWC' | 'NCHW';
  inputShape: [number, number, number, number];
}

/**
 * The gradient of a convolution with respect to its input (and so the transposed convolution), as one forward
 * convolution, which the backend runs many times faster than its own kernel.
 *
 * With stride 1 it is dy convolved with the filter turned by half a turn. With stride s, the rows of the input fall
 * into s phases that different taps of the filter reach; each phase is again a convolution of dy with stride 1, and
 * all of them together are one with s * s times the channels, whose output is then interleaved.
 */
export const conv2dBackpropInput: Kernel = (inputs, attrs, backend) => {
  const dy = inputs.dy!;
  const filter = inputs.filter!;
  const {strides, pad, dimRoundingMode, dataFormat, inputShape} = attrs as unknown as Conv2DBackpropInputAttributes;
  const layout = backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC');
  const filterShape = filter.shape as [number, number, number, number];
  const conv = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode, false, layout);
  if (conv.batchSize * conv.outHeight * conv.outWidth <= POSITIONS_PER_CHANNEL * conv.outChannels) {
    return addProducts(dy, filter, conv, backend);
  }
  const turned = turnFilter(filter, conv, backend);
  const {top, left, bottom, right} = conv.padInfo;

  // How far the turned filter must reach over dy's border on each side for the output to be the input itself.
  const border = [
    conv.filterHeight - 1 - top,
    conv.inHeight + top - conv.outHeight,
    conv.filterWidth - 1 - left,
    conv.inWidth + left - conv.outWidth,
  ] as const;
  const direct = conv.strideHeight === 1 && conv.strideWidth === 1 && Math.min(...border) >= 0;
  if (direct && bottom >= 0 && right >= 0) {
    const [above, below, before, after] = border;
    const dx = convolve(backend, dy, turned, [
      [0, 0],
      [above, below],
      [before, after],
      [0, 0],
    ]);
    disposeAll(backend, turned);
    return dx;
  }
  const [rows, columns] = turned.shape as [number, number];
  const phases = convolve(backend, dy, turned, [
    [0, 0],
    [rows - 1, rows - 1],
    [columns - 1, columns - 1],
    [0, 0],
  ]);
  const dx = interleave(phases, conv, backend);
  disposeAll(backend, turned, phases);
  return dx;
};

/**
 * The same where images are small beside the filter: the filter as it lies, [taps * in, out], times dy as
 * [out, positions] gives what every position adds to each pixel under the filter.
 */
function addProducts(
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  conv: backend_util.Conv2DInfo,
  backend: WasmBackend,
): tf.TensorInfo {
  const {batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels} = conv;
  const {filterHeight, filterWidth, strideHeight, strideWidth} = conv;
  const positions = batchSize * outHeight * outWidth;
  const run = filterWidth * inChannels;
  const upstream = backend.makeOutput([outChannels, positions], 'float32');
  const transposed = backend.typedArrayFromHeap(upstream);
  transposeTo(backend.typedArrayFromHeap(dy), 0, outChannels, transposed, 0, positions, positions, outChannels);
  const products = runKernel(
    backend,
    'BatchMatMul',
    {a: {...filter, shape: [filterHeight * run, outChannels]}, b: upstream},
    {transposeA: false, transposeB: false},
  );
  const out = backend.makeOutput([batchSize, inHeight, inWidth, inChannels], 'float32');
  const values = backend.typedArrayFromHeap(products);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  let position = 0;
  for (let image = 0; image < batchSize; image++) {
    for (let row = 0; row < outHeight; row++) {
      const top = row * strideHeight - conv.padInfo.top;
      for (let column = 0; column < outWidth; column++, position++) {
        // A row of the filter covers neighbouring pixels: one run of floats, cut off at the image's border.
        const left = column * strideWidth - conv.padInfo.left;
        const begin = Math.max(0, -left) * inChannels;
        const end = Math.min(filterWidth, inWidth - left) * inChannels;
        for (let tap = Math.max(0, -top); tap < Math.min(filterHeight, inHeight - top); tap++) {
          let from = (tap * run + begin) * positions + position;
          let to = ((image * inHeight + top + tap) * inWidth + left) * inChannels + begin;
          const last = to + end - begin;
          for (; to + 4 <= last; to += 4, from += 4 * positions) {
            target[to]! += values[from]!;
            target[to + 1]! += values[from + positions]!;
            target[to + 2]! += values[from + 2 * positions]!;
            target[to + 3]! += values[from + 3 * positions]!;
          }
          for (; to < last; to++, from += positions) target[to]! += values[from]!;
        }
      }
    }
  }
  disposeAll(backend, upstream, products);
  return out;
}

function convolve(
  backend: WasmBackend,
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  pad: backend_util.ExplicitPadding,
): tf.TensorInfo {
  return runKernel(backend, 'Conv2D', {x, filter}, {strides: 1, pad, dataFormat: 'NHWC', dilations: 1});
}

/**
 * The filter [height, width, in, out] turned by half a turn, its channels swapped, and the taps of each phase side by
 * side: [ceil(height / s), ceil(width / s), out, s * s * in]. Taps beyond the filter are zero.
 */
function turnFilter(filter: tf.TensorInfo, conv: backend_util.Conv2DInfo, backend: WasmBackend): tf.TensorInfo {
  const {filterHeight, filterWidth, inChannels, outChannels, strideHeight, strideWidth} = conv;
  const rows = Math.ceil(filterHeight / strideHeight);
  const columns = Math.ceil(filterWidth / strideWidth);
  const maps = strideHeight * strideWidth * inChannels;
  const out = backend.makeOutput([rows, columns, outChannels, maps], 'float32');
  const values = backend.typedArrayFromHeap(filter);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  for (let row = 0; row < filterHeight; row++) {
    const toRow = rows - 1 - Math.floor(row / strideHeight);
    for (let column = 0; column < filterWidth; column++) {
      const toColumn = columns - 1 - Math.floor(column / strideWidth);
      const phase = (row % strideHeight) * strideWidth + (column % strideWidth);
      const to = (toRow * columns + toColumn) * outChannels * maps + phase * inChannels;
      const from = (row * filterWidth + column) * inChannels * outChannels;
      transposeTo(values, from, outChannels, target, to, maps, inChannels, outChannels);
    }
  }
  return out;
}

/** Puts the phases [batch, rows, columns, s * s * in] in their places and cuts the padding off: the input's shape. */
function interleave(phases: tf.TensorInfo, conv: backend_util.Conv2DInfo, backend: WasmBackend): tf.TensorInfo {
  const {batchSize, inHeight, inWidth, inChannels, strideHeight, strideWidth} = conv;
  const {top, left} = conv.padInfo;
  const [, rows, columns, maps] = phases.shape as [number, number, number, number];
  const out = backend.makeOutput([batchSize, inHeight, inWidth, inChannels], 'float32');
  const values = backend.typedArrayFromHeap(phases);
  const target = backend.typedArrayFromHeap(out);
  target.fill(0);
  const lastRow = Math.min(inHeight, rows * strideHeight - top);
  const lastColumn = Math.min(inWidth, columns * strideWidth - left);
  for (let image = 0; image < batchSize; image++) {
    for (let row = 0; row < lastRow; row++) {
      const rowPhase = (row + top) % strideHeight;
      const fromRow = (image * rows + Math.floor((row + top) / strideHeight)) * columns;
      let to = (image * inHeight + row) * inWidth * inChannels;
      for (let column = 0; column < lastColumn; column++) {
        const phase = rowPhase * strideWidth + ((column + left) % strideWidth);
        const from = (fromRow + Math.floor((column + left) / strideWidth)) * maps + phase * inChannels;
        copyRun(values, from, target, to, inChannels);
        to += inChannels;
      }
    }
  }
  return out;
}
