import {PNG} from 'pngjs';
import {requireRoom} from './picture-limit.js';
import type {PictureSize, Pixels} from './pixels.js';

const DAMAGED = 'it is damaged, or not a PNG';

/** Decodes a PNG without sharp, as `decodeImage` does. */
export function decodePng(content: Buffer, alpha: boolean): Pixels {
  const {data, width, height} = parsePng(content);
  const opaque = data.every((value, i) => i % 4 !== 3 || value === 255);
  if (alpha && !opaque) return {data, width, height, channels: 4};
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const opacity = data[4 * pixel + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[3 * pixel + c] = Math.round(data[4 * pixel + c]! * opacity + 255 * (1 - opacity));
  }
  return {data: rgb, width, height, channels: 3};
}

function parsePng(content: Buffer): PNG {
  pngSize(content);
  try {
    return PNG.sync.read(content);
  } catch (error) {
    // The parser's own words are about its streams.
    throw new Error(DAMAGED, {cause: error});
  }
}

/** As a PNG says at its beginning: a signature, then the length and the name of the first chunk, then its size. */
export function pngSize(content: Buffer): PictureSize {
  if (content.length < 24 || content.toString('latin1', 12, 16) !== 'IHDR') throw new Error(DAMAGED);
  const size = {width: content.readUInt32BE(16), height: content.readUInt32BE(20)};
  requireRoom(size);
  return size;
}
