import type {ResizeWeights} from './resize-weights.js';
import {bicubicWeights} from './resize-weights.js';

/** An image as plain numbers, row-major with interleaved channels. */
export interface ArrayImage {
  data: ArrayLike<number>;
  height: number;
  width: number;
  channels: number;
}

/**
 * `bicubicDownscale` and `bicubicUpscale` for plain arrays: MATLAB's `imresize` by `scale` (1/4 shrinks four times), in
 * the input's value range, neither rounded nor clipped. Sizes are rounded up.
 */
export function resizeArray(image: ArrayImage, scale: number): ArrayImage & {data: Float32Array} {
  const {data, height, width, channels} = image;
  const vertical = bicubicWeights(height, scale);
  const horizontal = bicubicWeights(width, scale);
  const rows = alongFirstAxis(data, width * channels, vertical);
  const out = new Float32Array(vertical.outSize * horizontal.outSize * channels);
  for (let row = 0; row < vertical.outSize; row++) {
    const line = rows.subarray(row * width * channels, (row + 1) * width * channels);
    out.set(alongFirstAxis(line, channels, horizontal), row * horizontal.outSize * channels);
  }
  return {data: out, height: vertical.outSize, width: horizontal.outSize, channels};
}

/** Resizes the first axis of `[size, run]`. */
function alongFirstAxis(
  data: ArrayLike<number>,
  run: number,
  {outSize, taps, indices, weights}: ResizeWeights,
): Float32Array {
  const out = new Float32Array(outSize * run);
  for (let i = 0; i < outSize; i++) {
    const to = i * run;
    for (let t = 0; t < taps; t++) {
      const weight = weights[i * taps + t]!;
      if (weight === 0) continue;
      const from = indices[i * taps + t]! * run;
      for (let j = 0; j < run; j++) out[to + j]! += weight * data[from + j]!;
    }
  }
  return out;
}
