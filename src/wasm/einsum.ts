import {backend_util} from '@tensorflow/tfjs';
import type * as tf from '@tensorflow/tfjs';
import type {Kernel} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/** A tensor and the label of each of its axes. */
interface Term {
  tensor: tf.TensorInfo;
  labels: number[];
}

/**
 * Einstein's sum of one or two operands, which the backend lacks: a batched matrix product, so that no product of all
 * labels is ever held. Sums of integers are exact up to 2^24.
 */
export const einsum: Kernel = (inputs, {equation}, backend) => {
  const operands = Object.values(inputs);
  const {allDims, summedDims, idDims} = backend_util.decodeEinsumEquation(equation as string, operands.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, operands as tf.Tensor[]);
  const output = allDims.map((_, label) => label).slice(0, allDims.length - summedDims.length);
  const {dtype} = operands[0]!;
  const made: tf.TensorInfo[] = [];
  const run: Run = (name, of, attrs) => {
    const tensor = runKernel(backend, name, of, attrs);
    made.push(tensor);
    return tensor;
  };
  const terms = operands.map((tensor, i): Term => ({
    tensor: tensor.dtype === 'float32' ? tensor : run('Cast', {x: tensor}, {dtype: 'float32'}),
    labels: idDims[i]!,
  }));
  const summed = terms.reduce((left, right) => product(left, right, output, run));
  const result = inOrder(sumOf(summed, output, run), output, run);
  const own = runKernel(backend, 'Cast', {x: result}, {dtype});
  disposeAll(backend, ...made);
  return own;
};

type Run = (name: string, inputs: Record<string, tf.TensorInfo>, attrs: Record<string, unknown>) => tf.TensorInfo;

/** Summed over the labels that are not kept. */
function sumOf({tensor, labels}: Term, kept: number[], run: Run): Term {
  const axis = labels.flatMap((label, i) => (kept.includes(label) ? [] : [i]));
  if (axis.length === 0) return {tensor, labels};
  return {
    tensor: run('Sum', {x: tensor}, {axis, keepDims: false}),
    labels: labels.filter(label => kept.includes(label)),
  };
}

function inOrder({tensor, labels}: Term, order: number[], run: Run): tf.TensorInfo {
  const perm = order.map(label => labels.indexOf(label));
  return perm.every((axis, i) => axis === i) ? tensor : run('Transpose', {x: tensor}, {perm});
}

/** The product of two, summed over the labels that both have and that are not kept. */
function product(left: Term, right: Term, kept: number[], run: Run): Term {
  const a = sumOf(left, [...right.labels, ...kept], run);
  const b = sumOf(right, [...left.labels, ...kept], run);
  const shared = a.labels.filter(label => b.labels.includes(label));
  const batch = shared.filter(label => kept.includes(label));
  const summed = shared.filter(label => !kept.includes(label));
  const rows = a.labels.filter(label => !shared.includes(label));
  const columns = b.labels.filter(label => !shared.includes(label));
  const sizes = new Map([a, b].flatMap(({tensor, labels}) => labels.map((label, i) => [label, tensor.shape[i]!])));
  const count = (labels: number[]) => labels.reduce((total, label) => total * sizes.get(label)!, 1);
  const matrices = (term: Term, order: number[][]) =>
    run('Reshape', {x: inOrder(term, order.flat(), run)}, {shape: order.map(count)});
  const products = run(
    'BatchMatMul',
    {a: matrices(a, [batch, rows, summed]), b: matrices(b, [batch, summed, columns])},
    {transposeA: false, transposeB: false},
  );
  const labels = [...batch, ...rows, ...columns];
  return {tensor: run('Reshape', {x: products}, {shape: labels.map(label => sizes.get(label)!)}), labels};
}
