import type {SafetensorsTensor} from '../../../models/safetensors.js';

/**
 * An axis of channels that are the pixels of blocks, from PyTorch's order, in which the pixels of a channel follow each other
 * (`pixel_shuffle`, `pixel_unshuffle`), to TensorFlow's, in which the channels of a pixel do.
 *
 * @param pixels of a block.
 */
export function blocksFromPyTorch(tensor: SafetensorsTensor, axis: number, pixels: number): SafetensorsTensor {
  return transposedWithin(tensor, axis, tensor.shape[axis]! / pixels);
}

/** The other way. */
export function blocksToPyTorch(tensor: SafetensorsTensor, axis: number, pixels: number): SafetensorsTensor {
  return transposedWithin(tensor, axis, pixels);
}

/** An axis as a matrix of so many rows, transposed. */
function transposedWithin(tensor: SafetensorsTensor, axis: number, rows: number): SafetensorsTensor {
  const {shape} = tensor;
  const size = shape[axis]!;
  const columns = size / rows;
  const inner = shape.slice(axis + 1).reduce((product, one) => product * one, 1);
  const from = tensor.data as Float32Array;
  const data = new Float32Array(from.length);
  for (let to = 0; to < from.length / inner; to++) {
    const [column, row] = [Math.floor((to % size) / rows), to % rows];
    const source = to - (to % size) + row * columns + column;
    data.set(from.subarray(source * inner, (source + 1) * inner), to * inner);
  }
  return {...tensor, data};
}
