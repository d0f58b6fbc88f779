import {writeFileSync} from 'node:fs';
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
