import type {RecordedOp, Source} from '../recording.js';
import {attribute, halving, isUsual, mixTaps, mixTapsGradient} from './convolution.js';
import type {Rewriter, Rules} from './rewriter.js';
import {doubledTaps, inTwoDimensions} from './taps.js';

/** Pixels of a batch of small images below which to mix the filter takes longer than is saved; less is not measured. */
const LEAST_PIXELS = 256;

/**
 * A convolution of images that are doubled by nearest neighbour, and its gradients, as the transpose of a convolution
 * that halves, on the small images: for a filter of 3x3, 4 products for each output instead of 9.
 *
 * Four neighbouring outputs see the same few small pixels, most of them several times, so that taps of the filter can be
 * added up before instead of after; each output then is that of a 4x4 filter in steps of 2. To rounding, nothing changes.
 */
export const upsampledConvolution: Rules = {
  Conv2D: forward,
  Conv2DBackpropFilter: filterGradient,
  ResizeNearestNeighborGrad: inputGradient,
};

function forward(op: RecordedOp, graph: Rewriter): Source | undefined {
  const [large, filter] = op.inputs as [Source, Source];
  const small = doubled(large, graph);
  if (!small || !isUsual(op, graph.shape(filter))) return undefined;
  const {shape} = op.outputs[0]!;
  const inputs = [graph.integers(shape), mixed(filter, graph), small];
  return graph.add('Conv2DBackpropInput', inputs, shape, halving(op));
}

function filterGradient(op: RecordedOp, graph: Rewriter): Source | undefined {
  const [large, , dy] = op.inputs as [Source, Source, Source];
  const [height, width, inputs, outputs] = op.outputs[0]!.shape as [number, number, number, number];
  const small = doubled(large, graph);
  if (!small || !isUsual(op, [height, width])) return undefined;
  const shape = [height + 1, width + 1, outputs, inputs];
  const gradient = graph.add('Conv2DBackpropFilter', [dy, graph.integers(shape), small], shape, halving(op));
  return mixTapsGradient(graph, matrix(height, width), graph.transpose(gradient, [0, 1, 3, 2]), [height, width]);
}

function inputGradient(op: RecordedOp, graph: Rewriter): Source | undefined {
  const [gradient] = op.inputs as [Source];
  const convolution = graph.producer(gradient);
  const {shape} = op.outputs[0]!;
  if (convolution?.name !== 'Conv2DBackpropInput' || !graph.isUsedOnce(gradient)) return undefined;
  if (!isDoubling(op, shape, graph.shape(gradient))) return undefined;
  const [, filter, dy] = convolution.inputs as [Source, Source, Source];
  if (!isUsual(convolution, graph.shape(filter))) return undefined;
  return graph.add('Conv2D', [dy, mixed(filter, graph)], shape, halving(convolution));
}

/** The small images of which these are twice the size. */
function doubled(large: Source, graph: Rewriter): Source | undefined {
  const resize = graph.producer(large);
  if (resize?.name !== 'ResizeNearestNeighbor') return undefined;
  const small = resize.inputs[0]!;
  return isDoubling(resize, graph.shape(small), graph.shape(large)) ? small : undefined;
}

function isDoubling(resize: RecordedOp, small: number[], large: number[]): boolean {
  const [batch, height, width] = small as [number, number, number];
  return (
    attribute(resize, 'align_corners') !== true &&
    large[1] === 2 * height &&
    large[2] === 2 * width &&
    batch * height * width >= LEAST_PIXELS
  );
}

/** The filter for the transpose of a halving convolution. */
function mixed(filter: Source, graph: Rewriter): Source {
  const [height, width] = graph.shape(filter) as [number, number];
  return graph.transpose(mixTaps(graph, matrix(height, width), filter, [height + 1, width + 1]), [0, 1, 3, 2]);
}

function matrix(height: number, width: number): number[][] {
  return inTwoDimensions(doubledTaps(height), doubledTaps(width));
}
