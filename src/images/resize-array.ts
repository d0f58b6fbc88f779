import {bicubicWeights} from './resize-weights.js';

/** An image as plain numbers, row-major with interleaved channels. */
export interface ArrayImage {
  data: ArrayLike<number>;
  height: number;
  width: number;
  channels: number;
}

/** A rectangle of pixels. */
export interface Rectangle {
  top: number;
  left: number;
  height: number;
  width: number;
}

/**
 * `bicubicDownscale` and `bicubicUpscale` for plain arrays: MATLAB's `imresize` by `scale` (1/4 shrinks four times), in
 * the input's value range, neither rounded nor clipped. Sizes are rounded up. With `part`, only that rectangle of the
 * result, bit for bit what the whole has there, at the cost of the part.
 */
export function resizeArray(
  {data, height, width, channels}: ArrayImage,
  scale: number,
  part: Rectangle = {top: 0, left: 0, height: Math.ceil(height * scale), width: Math.ceil(width * scale)},
): ArrayImage & {data: Float32Array} {
  const vertical = bicubicWeights(height, scale, part.top, part.top + part.height);
  const horizontal = bicubicWeights(width, scale, part.left, part.left + part.width);
  // The columns of the input that the result depends on.
  const first = horizontal.indices.reduce((a, b) => Math.min(a, b), width);
  const run = (horizontal.indices.reduce((a, b) => Math.max(a, b), 0) + 1 - first) * channels;

  const out = new Float32Array(vertical.outSize * horizontal.outSize * channels);
  const line = new Float32Array(run);
  for (let row = 0; row < vertical.outSize; row++) {
    line.fill(0);
    for (let t = 0; t < vertical.taps; t++) {
      const weight = vertical.weights[row * vertical.taps + t]!;
      if (weight === 0) continue;
      const from = (vertical.indices[row * vertical.taps + t]! * width + first) * channels;
      for (let j = 0; j < run; j++) line[j]! += weight * data[from + j]!;
    }
    for (let column = 0; column < horizontal.outSize; column++) {
      const to = (row * horizontal.outSize + column) * channels;
      for (let t = 0; t < horizontal.taps; t++) {
        const weight = horizontal.weights[column * horizontal.taps + t]!;
        if (weight === 0) continue;
        const from = (horizontal.indices[column * horizontal.taps + t]! - first) * channels;
        for (let c = 0; c < channels; c++) out[to + c]! += weight * line[from + c]!;
      }
    }
  }
  return {data: out, height: part.height, width: part.width, channels};
}
