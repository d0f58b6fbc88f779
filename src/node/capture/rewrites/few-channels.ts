import type {Attribute} from '../binding.js';
import {ATTRIBUTE} from '../binding.js';
import type {RecordedOp, Source} from '../recording.js';
import {halving, isUsual, mixTaps, mixTapsGradient} from './convolution.js';
import type {Rewriter, Rules} from './rewriter.js';
import {inTwoDimensions, pairedTaps, reversedTaps} from './taps.js';

/** What one instruction of a processor with AVX-512 computes. */
const VECTOR = 16;

/** Pixels that are computed as one. */
const BLOCK = 4;

const BLOCKS: Attribute[] = [
  {name: 'block_size', type: ATTRIBUTE.int, value: 2},
  {name: 'data_format', type: ATTRIBUTE.string, value: 'NHWC'},
];

/**
 * Convolutions with no more than 4 output channels, the last one of a generator, and their filter's gradients, and the
 * gradients of images of so few channels, as a critic passes on, by blocks of 2x2 pixels: a filter that moves by 2 and has
 * one row and one column more gives four pixels at once.
 *
 * A processor computes 16 channels in the time of 3. Instead of 9 products of 16 channels, 3 of them needed, for each pixel
 * there are 16 of 16 channels, 12 of them needed, for each block. The sums are the same, but for their order.
 */
export const fewChannels: Rules = {
  Conv2D: forward,
  Conv2DBackpropFilter: filterGradient,
  Conv2DBackpropInput: inputGradient,
};

function forward(op: RecordedOp, graph: Rewriter): Source | undefined {
  const [x, filter] = op.inputs as [Source, Source];
  const [height, width, inputs, outputs] = graph.shape(filter) as Shape4;
  const {shape} = op.outputs[0]!;
  if (!isUsual(op, [height, width]) || !pays(shape, inputs)) return undefined;
  const mixed = mixTaps(graph, matrix(height, width), filter, [BLOCK, (height + 1) * (width + 1)]);
  const byPixel = graph.reshape(graph.transpose(mixed, [1, 2, 0, 3]), [height + 1, width + 1, inputs, BLOCK * outputs]);
  return inBlocks(op, x, byPixel, graph);
}

function filterGradient(op: RecordedOp, graph: Rewriter): Source | undefined {
  const [x, , dy] = op.inputs as [Source, Source, Source];
  const [height, width, inputs, outputs] = op.outputs[0]!.shape as Shape4;
  const large = graph.shape(dy);
  if (!isUsual(op, [height, width]) || !pays(large, inputs)) return undefined;
  const blocks = graph.add('SpaceToDepth', [dy], blocksOf(large), BLOCKS);
  const shape = [height + 1, width + 1, inputs, BLOCK * outputs];
  const gradient = graph.add('Conv2DBackpropFilter', [x, graph.integers(shape), blocks], shape, halving(op));
  const apart = graph.reshape(gradient, [(height + 1) * (width + 1), inputs, BLOCK, outputs]);
  return mixTapsGradient(graph, matrix(height, width), graph.transpose(apart, [2, 0, 1, 3]), [height, width]);
}

function inputGradient(op: RecordedOp, graph: Rewriter): Source | undefined {
  const [, filter, dy] = op.inputs as [Source, Source, Source];
  const [height, width, inputs, outputs] = graph.shape(filter) as Shape4;
  const {shape} = op.outputs[0]!;
  if (!isUsual(op, [height, width]) || !pays(shape, outputs)) return undefined;
  // It is a convolution too, with the filter back to front and its channels swapped.
  const mixed = mixTaps(graph, reversedTaps(matrix(height, width)), filter, [BLOCK, (height + 1) * (width + 1)]);
  const byPixel = graph.reshape(graph.transpose(mixed, [1, 3, 0, 2]), [height + 1, width + 1, outputs, BLOCK * inputs]);
  return inBlocks(op, dy, byPixel, graph);
}

/** What `op` gives, by a filter whose output channels are those of each pixel of a block in turn. */
function inBlocks(op: RecordedOp, x: Source, filter: Source, graph: Rewriter): Source {
  const {shape} = op.outputs[0]!;
  const blocks = graph.add('Conv2D', [x, filter], blocksOf(shape), halving(op));
  return graph.add('DepthToSpace', [blocks], shape, BLOCKS);
}

type Shape4 = [number, number, number, number];

/** Whether it is worth it for an image of this shape that is made from, or leads to, so many other channels. */
function pays([, height, width, channels]: number[], others: number): boolean {
  return height! % 2 === 0 && width! % 2 === 0 && BLOCK * channels! <= VECTOR && others >= VECTOR;
}

function blocksOf([batch, height, width, channels]: number[]): number[] {
  return [batch!, height! / 2, width! / 2, BLOCK * channels!];
}

function matrix(height: number, width: number): number[][] {
  const [vertical, horizontal] = [pairedTaps(height), pairedTaps(width)];
  return vertical.flatMap(a => horizontal.flatMap(b => inTwoDimensions(a, b)));
}
