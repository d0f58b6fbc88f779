import type {Rectangle} from '../../images/resize-array.js';

/** The size of a picture, as it is when turned as its EXIF says. */
export interface PictureSize {
  width: number;
  height: number;
}

/** A decoded picture: 8-bit sRGB, rows of interleaved channels. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 3 | 4;
}

/** A part of a picture. */
export function cutPixels({data, width, channels}: Pixels, part: Rectangle): Pixels {
  const out = new Uint8Array(part.width * part.height * channels);
  for (let row = 0; row < part.height; row++) {
    const from = ((part.top + row) * width + part.left) * channels;
    out.set(data.subarray(from, from + part.width * channels), row * part.width * channels);
  }
  return {data: out, width: part.width, height: part.height, channels};
}
