import type {Pixels} from '../pixels.js';
import {cutPixels} from '../pixels.js';
import type {Rectangle} from '../../../images/resize-array.js';
import {seededRandom} from '../../../seeded-random.js';
import type {DegradationValues, RealEsrganDegradationOptions} from './options.js';
import {degradationValues} from './options.js';
import {degradationPool} from './pool.js';

/** How low-resolution sides are made instead of shrinking: what `realEsrganDegradation` gives. */
export abstract class Degradation {
  /** All its probabilities and ranges. */
  abstract readonly values: DegradationValues;
}

class RealEsrganDegradation extends Degradation {
  constructor(readonly values: DegradationValues) {
    super();
  }
}

/**
 * Real-ESRGAN's degradations, for `photoDataset`: twice blur (isotropic and anisotropic Gaussians, generalised ones, plateaus, sinc
 * filters), resizing (up or down, by area, bilinear or bicubic), Gaussian or Poisson noise (grey or coloured) and JPEG, and a
 * last sinc filter, each drawn anew for every patch. The defaults are the published ranges, `REAL_ESRGAN_DEGRADATION`. It
 * needs the package sharp.
 *
 * @throws one line: an option is unknown or out of range.
 * @example
 * const degradation = realEsrganDegradation({second: {jpegQuality: [60, 95]}});
 * const photos = photoDataset('photos', {patch: 128, degradation, seed: 1});
 *
 * Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data", 2021,
 * https://arxiv.org/abs/2107.10833
 */
export function realEsrganDegradation(options: RealEsrganDegradationOptions = {}): Degradation {
  return new RealEsrganDegradation(degradationValues(options));
}

/** How much around a patch is degraded with it on each side, of its size: about as much as BasicSR's 400 pixels for 256. */
const MARGIN = 1 / 4;

/** Tells the random choices of a degradation from those of the patch's place. */
const CHOICES = 1;

/**
 * The low-resolution side of a part of a photo, degraded in a worker thread with what is around it, of which there is more on
 * one side than on the other at random, as the blocks of a JPEG begin anywhere. It follows from the seed and `index` alone.
 *
 * @param part in low-resolution pixels.
 */
export async function degradedPart(
  {values}: Degradation,
  photo: Pixels,
  part: Rectangle,
  {scale, seed, index}: {scale: number; seed: number; index: number},
): Promise<Pixels> {
  const random = seededRandom(seed, index, CHOICES);
  const margin = Math.ceil(MARGIN * part.width);
  const span = (start: number, length: number, whole: number) => {
    const size = Math.min(whole, length + 2 * margin);
    const least = Math.max(0, start + length - size);
    const most = Math.min(start, whole - size);
    return {from: least + Math.floor(random() * (most - least + 1)), size};
  };
  const across = span(part.left, part.width, photo.width / scale);
  const down = span(part.top, part.height, photo.height / scale);
  const window = {
    top: down.from * scale,
    left: across.from * scale,
    height: down.size * scale,
    width: across.size * scale,
  };
  const low = await degradationPool().run({
    high: cutPixels(photo, window),
    values,
    scale,
    keys: [seed, index, CHOICES + 1],
  });
  return cutPixels(low, {...part, top: part.top - down.from, left: part.left - across.from});
}
