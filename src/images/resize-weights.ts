/** For one axis: each output sample is a weighted sum of `taps` input samples. */
export interface ResizeWeights {
  /** How many output samples there are. */
  outSize: number;
  taps: number;
  /** The input sample of tap t of output i, at i * taps + t. */
  indices: Int32Array;
  /** Its weight. The weights of an output sum to 1. */
  weights: Float64Array;
}

/** Keys's cubic (1981, https://doi.org/10.1109/TASSP.1981.1163711) with a = -1/2, MATLAB's. */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d <= 1) return (1.5 * d - 2.5) * d * d + 1;
  if (d <= 2) return ((-0.5 * d + 2.5) * d - 4) * d + 2;
  return 0;
}

/**
 * The weights of MATLAB's `imresize(..., 'bicubic')` along one axis: when shrinking, the kernel is widened by the
 * factor (antialiasing); beyond the border the image is mirrored, the border sample included. With `begin` and `end`,
 * only those output samples.
 */
export function bicubicWeights(
  inSize: number,
  scale: number,
  begin = 0,
  end = Math.ceil(inSize * scale),
): ResizeWeights {
  const outSize = end - begin;
  const stretch = Math.min(scale, 1);
  const width = 4 / stretch;
  const taps = Math.ceil(width) + 2;
  const indices = new Int32Array(outSize * taps);
  const weights = new Float64Array(outSize * taps);
  for (let i = 0; i < outSize; i++) {
    // Sample centres lie at half-integers: the output's, in input coordinates.
    const centre = (begin + i + 0.5) / scale - 0.5;
    const first = Math.floor(centre - width / 2);
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const weight = cubic((centre - (first + t)) * stretch);
      indices[i * taps + t] = mirrored(first + t, inSize);
      weights[i * taps + t] = weight;
      sum += weight;
    }
    for (let t = 0; t < taps; t++) weights[i * taps + t]! /= sum;
  }
  return {outSize, taps, indices, weights};
}

function mirrored(index: number, size: number): number {
  const period = 2 * size;
  const wrapped = ((index % period) + period) % period;
  return wrapped < size ? wrapped : period - 1 - wrapped;
}
