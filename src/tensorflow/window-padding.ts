/** Entries before and after an axis. Below zero, that many are not read and can be cut off. */
export type Padding = [before: number, after: number];

/** What the kernels of convolutions and pools say of their windows. Numbers stand for all axes of the images. */
export interface WindowAttributes {
  strides: number | number[];
  dilations?: number | number[];
  pad: 'valid' | 'same' | number | Padding[];
  dataFormat?: 'NHWC' | 'NCHW' | 'NDHWC' | 'NCDHW';
}

/**
 * The padding of each axis, given in numbers by `pad`, that makes windows of this size read just as far as the output's
 * shape says, however that was rounded.
 *
 * @param window sizes of the window along the axes of the images; what follows them does not count.
 */
export function windowPadding(
  inputShape: number[],
  window: number | number[],
  outputShape: number[],
  {strides, dilations = 1, pad, dataFormat}: WindowAttributes,
): Padding[] {
  const first = dataFormat?.startsWith('NC') ? 2 : 1;
  return inputShape.map((size, axis) => {
    const i = axis - first;
    if (i < 0 || i >= inputShape.length - 2) return [0, 0];
    const before = typeof pad === 'number' ? pad : (pad[axis] as Padding)[0];
    const reach = (at(window, i) - 1) * at(dilations, i) + 1;
    return [before, (outputShape[axis]! - 1) * at(strides, i) + reach - size - before];
  });
}

const at = (value: number | number[], i: number) => (typeof value === 'number' ? value : value[i]!);
