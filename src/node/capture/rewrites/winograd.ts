import type {Attribute} from '../binding.js';
import {ATTRIBUTE} from '../binding.js';
import type {RecordedOp, Source} from '../recording.js';
import {attribute, isUsual} from './convolution.js';
import type {Rewriter, Rule} from './rewriter.js';

/** Ops of `tensorflow/winograd.cc`, which `tfjs-ragan setup` compiles into the binding. */
export const FILTER = 'TfjsRaganFilter';
const CONVOLUTION = 'TfjsRaganConv2D';
const FILTER_GRADIENT = 'TfjsRaganConv2DFilterGradient';

/** What the numbers of channels are multiples of. */
const CHANNELS = 16;

/** Pixels of a batch below which it takes as long to transform the filter as is saved. */
const LEAST_PIXELS = 256;

/**
 * Convolutions by 3x3 windows, with what comes after them, a bias and a leaky ReLU, and their gradients, by Winograd's
 * minimal filtering: 4 products for each pixel instead of 9. Rounding errors are about those of TensorFlow's own.
 *
 * @param threads how many one op may use.
 */
export function winograd(threads: number): Rule {
  const attributes = (slope?: number): Attribute[] => [
    {name: 'threads', type: ATTRIBUTE.int, value: threads},
    ...(slope === undefined ? [] : [{name: 'slope', type: ATTRIBUTE.float, value: slope}]),
  ];

  const convolution = (x: Source, filter: Source, turned: boolean, shape: number[], graph: Rewriter) => {
    const [inputs, outputs] = graph.shape(filter).slice(2) as [number, number];
    const planes = [16, ...(turned ? [outputs, inputs] : [inputs, outputs])];
    const transformed = graph.add(FILTER, [filter], planes, [{name: 'turned', type: ATTRIBUTE.bool, value: turned}]);
    const bias = graph.vector(Array.from({length: planes[2]!}, () => 0));
    return graph.add(CONVOLUTION, [x, transformed, bias], shape, attributes(1));
  };

  /** The op with another input or slope; the one that it stands for is used by this op alone. */
  const extended = (value: Source, change: (before: RecordedOp) => [bias: Source, slope: number], graph: Rewriter) => {
    const before = graph.producer(value);
    if (before?.name !== CONVOLUTION || attribute(before, 'slope') !== 1 || !graph.isUsedOnce(value)) return undefined;
    const [x, planes] = before.inputs as [Source, Source];
    const [bias, slope] = change(before);
    return graph.add(CONVOLUTION, [x, planes, bias], before.outputs[0]!.shape, attributes(slope));
  };

  return (op, _, graph) => {
    const [first, second, third] = op.inputs as [Source, Source, Source];
    const {shape} = op.outputs[0]!;
    switch (op.name) {
      case 'Conv2D':
        if (!pays(op, graph.shape(second), graph.shape(first))) return undefined;
        return convolution(first, second, false, shape, graph);
      case 'Conv2DBackpropInput':
        if (!pays(op, graph.shape(second), shape)) return undefined;
        return convolution(third, second, true, shape, graph);
      case 'Conv2DBackpropFilter':
        if (!pays(op, shape, graph.shape(first))) return undefined;
        return graph.add(FILTER_GRADIENT, [first, third], shape, attributes());
      case 'BiasAdd':
        return extended(first, () => [second, 1], graph);
      case 'LeakyRelu':
        return extended(first, ({inputs}) => [inputs[2]!, attribute(op, 'alpha') as number], graph);
      default:
        return undefined;
    }
  };
}

function pays(op: RecordedOp, [height, width, inputs, outputs]: number[], images: number[]): boolean {
  const [batch, rows, columns] = images as [number, number, number];
  return (
    height === 3 &&
    width === 3 &&
    isUsual(op, [height, width]) &&
    inputs! % CHANNELS === 0 &&
    outputs! % CHANNELS === 0 &&
    batch * rows * columns >= LEAST_PIXELS
  );
}
