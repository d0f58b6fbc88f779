import type {Planes} from './planes.js';

/** Uniform numbers in [0, 1). */
export type Random = () => number;

/** Adds Gaussian noise of a standard deviation, of 1; grey is the same in all channels. Values are clipped to [0, 1]. */
export function addGaussianNoise(picture: Planes, sigma: number, grey: boolean, random: Random): Planes {
  const count = grey ? picture.data.length / 3 : picture.data.length;
  return added(
    picture,
    Float32Array.from({length: count}, () => sigma * normal(random)),
  );
}

/**
 * Adds `scale` times the noise of counting photons, of which white has as many as the picture has different values, rounded up to a
 * power of two; grey is that of the luma, the same in all channels. Values are clipped to [0, 1].
 */
export function addPoissonNoise(picture: Planes, scale: number, grey: boolean, random: Random): Planes {
  const {data} = picture;
  const values = grey ? luma(picture) : data;
  const levels = new Uint8ClampedArray(values.length);
  for (let i = 0; i < levels.length; i++) levels[i] = Math.round(values[i]! * 255);
  const white = 2 ** Math.ceil(Math.log2(new Set(levels).size));
  const noise = new Float32Array(levels.length);
  for (let i = 0; i < noise.length; i++) {
    const value = levels[i]! / 255;
    noise[i] = scale * (poisson(value * white, random) / white - value);
  }
  return added(picture, noise);
}

/** A picture and noise of all its values, or of one plane, which then is that of each. */
function added({data, width, height}: Planes, noise: Float32Array): Planes {
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = Math.min(1, Math.max(0, data[i]! + noise[i % noise.length]!));
  return {data: out, width, height};
}

/** Rec. 601's, as in torchvision. */
function luma({data}: Planes): Float32Array {
  const area = data.length / 3;
  return Float32Array.from(
    {length: area},
    (_, i) => 0.2989 * data[i]! + 0.587 * data[area + i]! + 0.114 * data[2 * area + i]!,
  );
}

/** A normal number, by Box and Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** From where on products of uniform numbers take longer than rejection. */
const LARGE = 10;

/** A Poisson number: by products of uniform ones (Knuth), for a large mean by transformed rejection (Hörmann, 1993, PTRS). */
export function poisson(mean: number, random: Random): number {
  if (mean < LARGE) {
    const end = Math.exp(-mean);
    let count = 0;
    for (let product = random(); product > end; product *= random()) count++;
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const accepted = Math.log((v * inverseAlpha) / (a / (us * us) + b));
    if (accepted <= count * Math.log(mean) - mean - logFactorial(count)) return count;
  }
}

/** Of the numbers that have come up so far. */
const logFactorials = [0];

function logFactorial(count: number): number {
  for (let n = logFactorials.length; n <= count; n++) logFactorials.push(logFactorials[n - 1]! + Math.log(n));
  return logFactorials[count]!;
}
