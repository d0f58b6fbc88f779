import type {Attribute} from '../binding.js';
import {ATTRIBUTE} from '../binding.js';
import type {RecordedOp, Source} from '../recording.js';
import {attribute, isUsual} from './convolution.js';
import type {Rewriter, Rules} from './rewriter.js';

/** Ops of `native/winograd_ops.cc`, which `tfjs-ragan setup` compiles into the binding. */
export const FILTER = 'TfjsRaganFilter';
const CONVOLUTION = 'TfjsRaganConv2D';
const FILTER_GRADIENT = 'TfjsRaganConv2DFilterGradient';

/** What the numbers of channels are multiples of, and what one of them is at least, or sums before and after outweigh. */
const CHANNELS = 8;
const LEAST_CHANNELS = 16;

/** Pixels of a batch below which it takes as long to transform the filter as is saved. */
const LEAST_PIXELS = 256;

/**
 * Convolutions by 3x3 windows, with what comes after them, a bias and a leaky ReLU, and their gradients, by Winograd's
 * minimal filtering: 4 products for each pixel instead of 9. Rounding errors are about those of TensorFlow's own.
 *
 * @param threads how many one op may use.
 */
export function winograd(threads: number): Rules {
  const attributes = (slope?: number): Attribute[] => [
    {name: 'threads', type: ATTRIBUTE.int, value: threads},
    ...(slope === undefined ? [] : [{name: 'slope', type: ATTRIBUTE.float, value: slope}]),
  ];

  /** Constants that stand for no bias. */
  const zeros = new Set<number>();

  const convolution = (x: Source, filter: Source, turned: boolean, shape: number[], graph: Rewriter) => {
    const [inputs, outputs] = graph.shape(filter).slice(2) as [number, number];
    const planes = [16, ...(turned ? [outputs, inputs] : [inputs, outputs])];
    const transformed = graph.add(FILTER, [filter], planes, [{name: 'turned', type: ATTRIBUTE.bool, value: turned}]);
    const bias = graph.vector(Array.from({length: planes[2]!}, () => 0));
    zeros.add(bias.index);
    return graph.add(CONVOLUTION, [x, transformed, bias], shape, attributes(1));
  };

  /** The inputs of the convolution whose value an op takes, if that op alone does. */
  const before = (value: Source, graph: Rewriter) => {
    const op = graph.producer(value);
    if (op?.name !== CONVOLUTION || attribute(op, 'slope') !== 1 || !graph.isUsedOnce(value)) return undefined;
    const [x, planes, bias] = op.inputs as [Source, Source, Source];
    return {x, planes, bias, isBiased: bias.from !== 'constant' || !zeros.has(bias.index)};
  };

  return {
    Conv2D(op, graph) {
      const [x, filter] = op.inputs as [Source, Source];
      if (!pays(op, graph.shape(filter), graph.shape(x))) return undefined;
      return convolution(x, filter, false, shapeOf(op), graph);
    },
    Conv2DBackpropInput(op, graph) {
      const [, filter, dy] = op.inputs as [Source, Source, Source];
      if (!pays(op, graph.shape(filter), shapeOf(op))) return undefined;
      return convolution(dy, filter, true, shapeOf(op), graph);
    },
    Conv2DBackpropFilter(op, graph) {
      const [x, , dy] = op.inputs as [Source, Source, Source];
      if (!pays(op, shapeOf(op), graph.shape(x))) return undefined;
      return graph.add(FILTER_GRADIENT, [x, dy], shapeOf(op), attributes());
    },
    BiasAdd(op, graph) {
      const [value, bias] = op.inputs as [Source, Source];
      const found = before(value, graph);
      if (!found || found.isBiased || attribute(op, 'data_format') !== 'NHWC') return undefined;
      return graph.add(CONVOLUTION, [found.x, found.planes, bias], shapeOf(op), attributes(1));
    },
    LeakyRelu(op, graph) {
      const found = before(op.inputs[0]!, graph);
      const slope = attribute(op, 'alpha') as number;
      return found && graph.add(CONVOLUTION, [found.x, found.planes, found.bias], shapeOf(op), attributes(slope));
    },
  };
}

function shapeOf({outputs}: RecordedOp): number[] {
  return outputs[0]!.shape;
}

function pays(op: RecordedOp, [height, width, inputs, outputs]: number[], images: number[]): boolean {
  const [batch, rows, columns] = images as [number, number, number];
  return (
    height === 3 &&
    width === 3 &&
    isUsual(op, [height, width]) &&
    inputs! % CHANNELS === 0 &&
    outputs! % CHANNELS === 0 &&
    Math.max(inputs!, outputs!) >= LEAST_CHANNELS &&
    batch * rows * columns >= LEAST_PIXELS
  );
}
