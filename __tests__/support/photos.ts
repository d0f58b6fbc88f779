import {writeFileSync} from 'node:fs';
import {crc32, deflateSync} from 'node:zlib';
import {PNG} from 'pngjs';

/** Writes a PNG whose pixel (x, y) has the red, green, blue and, if given, alpha that `at` returns. */
export function writePng(file: string, width: number, height: number, at: (x: number, y: number) => number[]): string {
  const png = new PNG({width, height});
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) png.data.set([...at(x, y), 255].slice(0, 4), 4 * (y * width + x));
  }
  writeFileSync(file, PNG.sync.write(png));
  return file;
}

/** A pixel that no other place has: red tells x and green y, up to 50, and blue is as good as random. */
export const placed = (x: number, y: number): number[] => [5 * x, 5 * y, ((x * 73 + y * 179) * 2477) % 256];

/** Writes a PNG of black and white lines, of any size; with `data: false`, all that comes before its pixels. */
export function writeLines(file: string, width: number, height: number, {data = true} = {}): string {
  const chunk = (name: string, content: Buffer) => {
    const out = Buffer.alloc(12 + content.length);
    out.writeUInt32BE(content.length);
    out.write(name, 4, 'latin1');
    content.copy(out, 8);
    out.writeUInt32BE(crc32(out.subarray(4, 8 + content.length)), 8 + content.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = 1; // bit for each pixel
  // Two rows of a filter's number and of pixels.
  const pair = Buffer.alloc(2 * (1 + Math.ceil(width / 8)));
  pair.fill(255, pair.length / 2 + 1);
  const rows = data ? deflateSync(Buffer.alloc((height * pair.length) / 2, pair), {level: 1}) : Buffer.alloc(0);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))];
  writeFileSync(file, Buffer.concat([signature, ...chunks]));
  return file;
}
