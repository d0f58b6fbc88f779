import {constants} from 'node:buffer';
import {totalmem} from 'node:os';

/** Bytes that decoding takes for a pixel: 4 channels, once in the decoder and once in JavaScript. */
const BYTES = 8;

/** What sharp decodes without being told anything, whatever the memory. */
const ALWAYS = 0x3fff ** 2;

/**
 * The most pixels that a picture is decoded with: those for which half of the memory that the machine or the container
 * has will do, at least 16383 x 16383, at most what one array of bytes holds.
 */
export function mostPixels(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return Math.min(Math.floor(constants.MAX_LENGTH / 4), Math.max(ALWAYS, Math.floor(memory / 2 / BYTES)));
}

/** Refuses a picture that is too large to be decoded. */
export function requireRoom({width, height}: {width: number; height: number}): void {
  const most = mostPixels();
  if (width * height <= most) return;
  throw new Error(
    `its ${width} x ${height} pixels are more than there is memory for, which is ${most}; crop or shrink it first`,
  );
}
