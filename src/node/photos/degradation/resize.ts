import type {Planes} from './planes.js';

/** How pixels are made of others: the mean of those that they cover, or of those beside their centre. */
export const RESIZE_MODES = ['area', 'bilinear', 'bicubic'] as const;

/** One of them. */
export type ResizeMode = (typeof RESIZE_MODES)[number];

/** For each output pixel of an axis, so many input pixels from `first` on with their weights; beyond the border the last repeats. */
interface Taps {
  first: Int32Array;
  weights: Float64Array[];
}

/** Resizes as `torch.nn.functional.interpolate` does: without antialiasing, centres at half-integers, bicubic with a = -3/4. */
export function resize(picture: Planes, width: number, height: number, mode: ResizeMode): Planes {
  if (width === picture.width && height === picture.height) return picture;
  const across = tapsOf(picture.width, width, mode);
  const down = tapsOf(picture.height, height, mode);
  const data = new Float32Array(3 * width * height);
  const line = new Float64Array(picture.width);
  const clamp = (index: number, size: number) => Math.min(size - 1, Math.max(0, index));
  for (let row = 0; row < 3 * height; row++) {
    const [plane, y] = [Math.floor(row / height), row % height];
    line.fill(0);
    for (const [t, weight] of down.weights[y]!.entries()) {
      const from = (plane * picture.height + clamp(down.first[y]! + t, picture.height)) * picture.width;
      for (let x = 0; x < picture.width; x++) line[x]! += weight * picture.data[from + x]!;
    }
    for (let x = 0; x < width; x++) {
      let sum = 0;
      const weights = across.weights[x]!;
      for (let t = 0; t < weights.length; t++) sum += weights[t]! * line[clamp(across.first[x]! + t, picture.width)]!;
      data[row * width + x] = sum;
    }
  }
  return {data, width, height};
}

function tapsOf(from: number, to: number, mode: ResizeMode): Taps {
  const first = new Int32Array(to);
  const weights = Array.from({length: to}, (_, i) => {
    if (mode === 'area') {
      first[i] = Math.floor((i * from) / to);
      const count = Math.ceil(((i + 1) * from) / to) - first[i];
      return new Float64Array(count).fill(1 / count);
    }
    const centre = ((i + 0.5) * from) / to - 0.5;
    const below = Math.floor(centre);
    const rest = centre - below;
    if (mode === 'bilinear') {
      first[i] = below;
      return Float64Array.of(1 - rest, rest);
    }
    first[i] = below - 1;
    return Float64Array.of(1 + rest, rest, 1 - rest, 2 - rest).map(cubic);
  });
  return {first, weights};
}

/** Keys's cubic with a = -3/4 at a distance from 0 to 2. */
function cubic(distance: number): number {
  const a = -0.75;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
}
