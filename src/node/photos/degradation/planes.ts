/** A picture as three planes one after the other: red, green, blue, each in rows, values around [0, 1]. */
export interface Planes {
  data: Float32Array;
  width: number;
  height: number;
}

/** Of interleaved 8-bit pixels. */
export function planesOf(pixels: {data: ArrayLike<number>; width: number; height: number}): Planes {
  const {data, width, height} = pixels;
  const area = width * height;
  const out = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) out[c * area + i] = data[3 * i + c]! / 255;
  return {data: out, width, height};
}

/** As interleaved 8-bit pixels, rounded and clipped. */
export function bytesOf({data, width, height}: Planes): Uint8Array {
  const area = width * height;
  const out = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) out[3 * i + c] = Math.round(Math.min(1, Math.max(0, data[c * area + i]!)) * 255);
  }
  return out;
}

/** The index within [0, size) that stands for one beyond it: mirrored at the border pixel, which is not repeated. */
export function reflected(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const wrapped = ((index % period) + period) % period;
  return wrapped < size ? wrapped : period - wrapped;
}
