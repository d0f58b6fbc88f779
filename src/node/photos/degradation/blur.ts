import type {Kernel} from './kernels.js';
import type {Planes} from './planes.js';
import {reflected} from './planes.js';

/** Taps that are less change no value of 8 bits. */
const LEAST_TAP = 1e-7;

/** Pixels that are computed side by side, for which each tap is read once. */
const AT_ONCE = 4;

/** Every pixel as the sum of its neighbours times the kernel; beyond the border the picture is mirrored. */
export function blur(picture: Planes, kernel: Kernel): Planes {
  const {width, height} = picture;
  const reach = (kernel.size - 1) / 2;
  // Room for whole groups of pixels.
  const groups = Math.ceil(width / AT_ONCE) * AT_ONCE;
  const [wide, high] = [groups + 2 * reach, height + 2 * reach];
  const columns = Int32Array.from({length: wide}, (_, x) => reflected(x - reach, width));
  const rows = rowsOf(kernel);
  const data = new Float32Array(3 * width * height);
  const padded = new Float32Array(wide * high);
  const line = new Float64Array(groups);
  for (let plane = 0; plane < 3; plane++) {
    const from = plane * width * height;
    for (let y = 0; y < high; y++) {
      const start = from + reflected(y - reach, height) * width;
      for (let x = 0; x < wide; x++) padded[y * wide + x] = picture.data[start + columns[x]!]!;
    }
    for (let y = 0; y < height; y++) {
      line.fill(0);
      for (const {row, first, taps} of rows) addRow(line, taps, padded, (y + row) * wide + first);
      data.set(line.subarray(0, width), from + y * width);
    }
  }
  return {data, width, height};
}

/** Adds one row of a kernel times a row of the picture. */
function addRow(line: Float64Array, taps: Float64Array, padded: Float32Array, start: number): void {
  for (let x = 0; x < line.length; x += AT_ONCE) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let t = 0; t < taps.length; t++) {
      const tap = taps[t]!;
      const at = start + x + t;
      a += tap * padded[at]!;
      b += tap * padded[at + 1]!;
      c += tap * padded[at + 2]!;
      d += tap * padded[at + 3]!;
    }
    line[x]! += a;
    line[x + 1]! += b;
    line[x + 2]! += c;
    line[x + 3]! += d;
  }
}

/** The rows of a kernel that have taps which count, from the first of them to the last. */
function rowsOf({size, values}: Kernel): {row: number; first: number; taps: Float64Array}[] {
  return Array.from({length: size}, (_, row) => {
    const whole = values.subarray(row * size, (row + 1) * size);
    const counts = (tap: number) => Math.abs(tap) >= LEAST_TAP;
    const first = whole.findIndex(counts);
    const last = size - 1 - whole.slice().reverse().findIndex(counts);
    return {row, first, taps: first < 0 ? new Float64Array(0) : whole.slice(first, last + 1)};
  }).filter(({taps}) => taps.length > 0);
}
