import type {Attribute} from '../binding.js';
import {ATTRIBUTE, DTYPES} from '../binding.js';
import type {RecordedOp, Source} from '../recording.js';
import type {Rewriter} from './rewriter.js';

/** The op's attribute of this name. */
export function attribute({attributes}: RecordedOp, name: string): unknown {
  return attributes.find(one => one.name === name)?.value;
}

/**
 * Whether a convolution, or a gradient of one, is of the usual kind: float32, channels last, stride 1, no dilation, padded
 * to the size it has, by windows with an odd number of rows and columns greater than 1, which have a middle.
 */
export function isUsual(op: RecordedOp, [height, width]: number[]): boolean {
  const ones = (name: string) => (attribute(op, name) as number[] | undefined)?.every(size => size === 1) ?? true;
  return (
    op.outputs[0]!.dtype === DTYPES.float32 &&
    attribute(op, 'data_format') === 'NHWC' &&
    attribute(op, 'padding') === 'SAME' &&
    ones('strides') &&
    ones('dilations') &&
    [height!, width!].every(size => size > 1 && size % 2 === 1)
  );
}

/** The attributes of a convolution with a stride of 2. */
export function halving({attributes}: RecordedOp): Attribute[] {
  return attributes.map(one => (one.name === 'strides' ? {...one, value: [1, 2, 2, 1]} : one));
}

/**
 * A filter, `[rows, columns, channels, channels]`, whose taps are such sums of the taps of another one: `taps` is what its
 * shape begins with, in place of rows and columns.
 */
export function mixTaps(graph: Rewriter, matrix: number[][], filter: Source, taps: number[]): Source {
  return product(graph, matrix, false, filter, taps);
}

/** The gradient of what `mixTaps` was given from that of its result. */
export function mixTapsGradient(graph: Rewriter, matrix: number[][], gradient: Source, taps: number[]): Source {
  return product(graph, matrix, true, gradient, taps);
}

function product(graph: Rewriter, matrix: number[][], transposed: boolean, filter: Source, taps: number[]): Source {
  const [inputs, outputs] = graph.shape(filter).slice(-2) as [number, number];
  const [rows, columns] = [matrix.length, matrix[0]!.length];
  const [from, to] = transposed ? [rows, columns] : [columns, rows];
  const flat = graph.reshape(filter, [from, inputs * outputs]);
  const mixed = graph.add(
    'MatMul',
    [graph.matrix(matrix), flat],
    [to, inputs * outputs],
    [
      {name: 'transpose_a', type: ATTRIBUTE.bool, value: transposed},
      {name: 'transpose_b', type: ATTRIBUTE.bool, value: false},
    ],
  );
  return graph.reshape(mixed, [...taps, inputs, outputs]);
}
