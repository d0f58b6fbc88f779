import type * as tf from '@tensorflow/tfjs';
import {backend_util} from '@tensorflow/tfjs';
import type {Kernel, WasmBackend} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

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
      let from = (row * filterWidth + column) * inChannels * outChannels;
      for (let input = 0; input < inChannels; input++) {
        for (let output = 0; output < outChannels; output++) target[to + output * maps + input] = values[from++]!;
      }
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
        let from = (fromRow + Math.floor((column + left) / strideWidth)) * maps + phase * inChannels;
        for (let channel = 0; channel < inChannels; channel++) target[to++] = values[from++]!;
      }
    }
  }
  return out;
}
