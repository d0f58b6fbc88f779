import type {Pixels} from '../pixels.js';
import {blur} from './blur.js';
import {jpeg} from './jpeg.js';
import type {Kernel} from './kernels.js';
import {gaussianKernel, plateauKernel, sincKernel} from './kernels.js';
import type {Random} from './noise.js';
import {addGaussianNoise, addPoissonNoise} from './noise.js';
import type {DegradationRound, DegradationValues, Range} from './options.js';
import type {Planes} from './planes.js';
import {bytesOf, planesOf} from './planes.js';
import {resize, RESIZE_MODES} from './resize.js';

type Round = Readonly<Required<DegradationRound>>;

/** Sizes of kernels: 7, 9, ... 21, as in BasicSR's `RealESRGANDataset`. */
const KERNEL_SIZES = [7, 9, 11, 13, 15, 17, 19, 21];

/** A kernel smaller than this has no room for slow ringing. */
const LARGE_KERNEL = 13;

/**
 * The low-resolution side of a picture as Real-ESRGAN makes it: twice blur, resizing, noise and JPEG, and a last sinc filter
 * before or after the second JPEG; `scale` times smaller, a multiple of which its sides are. All follows from `random`.
 */
export async function degrade(
  high: Pixels,
  {first, second, finalSincProbability}: DegradationValues,
  scale: number,
  random: Random,
): Promise<Pixels> {
  const [width, height] = [high.width / scale, high.height / scale];
  let picture = blurred(planesOf(high), first, random);
  const factor = resizeFactor(first, random);
  picture = resized(picture, factor * high.width, factor * high.height, random);
  picture = noisy(picture, first, random);
  picture = await compressed(picture, first, random);

  picture = blurred(picture, second, random);
  const last = resizeFactor(second, random);
  picture = resized(picture, last * width, last * height, random);
  picture = noisy(picture, second, random);
  const sinc = random() < finalSincProbability ? sincOf(pick(KERNEL_SIZES, random), Math.PI / 3, random) : undefined;
  const atSize = (from: Planes) => {
    const small = resized(from, width, height, random);
    return sinc ? blur(small, sinc) : small;
  };
  picture =
    random() < 0.5
      ? await compressed(atSize(picture), second, random)
      : atSize(await compressed(picture, second, random));
  return {data: bytesOf(picture), width, height, channels: 3};
}

function blurred(picture: Planes, round: Round, random: Random): Planes {
  return random() < round.blurProbability ? blur(picture, randomKernel(round, random)) : picture;
}

/** A kernel of a random size and kind. */
export function randomKernel(round: Round, random: Random): Kernel {
  const size = pick(KERNEL_SIZES, random);
  if (random() < round.sincProbability) return sincOf(size, Math.PI / (size < LARGE_KERNEL ? 3 : 5), random);
  const kind = pickByShare(round.kernelProbabilities, random);
  const sigmaX = between(round.sigma, random);
  const isotropic = kind % 2 === 0;
  const shape = {
    size,
    sigmaX,
    sigmaY: isotropic ? sigmaX : between(round.sigma, random),
    angle: isotropic ? 0 : between([-Math.PI, Math.PI], random),
  };
  if (kind < 2) return gaussianKernel(shape);
  return kind < 4
    ? gaussianKernel(shape, aroundOne(round.generalizedBeta, random))
    : plateauKernel(shape, aroundOne(round.plateauBeta, random));
}

/** With a cut-off from `least` to pi. */
function sincOf(size: number, least: number, random: Random): Kernel {
  return sincKernel(size, between([least, Math.PI], random));
}

function resizeFactor({resizeProbabilities, resizeRange: [least, most]}: Round, random: Random): number {
  const kind = pickByShare(resizeProbabilities, random);
  if (kind === 2) return 1;
  return between(kind === 0 ? [1, most] : [least, 1], random);
}

function resized(picture: Planes, width: number, height: number, random: Random): Planes {
  const size = (length: number) => Math.max(1, Math.floor(length));
  return resize(picture, size(width), size(height), pick(RESIZE_MODES, random));
}

function noisy(picture: Planes, round: Round, random: Random): Planes {
  const isGaussian = random() < round.gaussianProbability;
  const strength = between(isGaussian ? round.gaussianSigma : round.poissonScale, random);
  const grey = random() < round.greyProbability;
  return isGaussian
    ? addGaussianNoise(picture, strength / 255, grey, random)
    : addPoissonNoise(picture, strength, grey, random);
}

function compressed(picture: Planes, {jpegQuality}: Round, random: Random): Promise<Planes> {
  return jpeg(picture, Math.round(between(jpegQuality, random)));
}

function between([from, to]: Range, random: Random): number {
  return from + (to - from) * random();
}

/** Below 1 as often as above. */
function aroundOne([from, to]: Range, random: Random): number {
  return random() < 0.5 ? between([from, 1], random) : between([1, to], random);
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[Math.floor(random() * values.length)]!;
}

/** The index of one of several shares. */
function pickByShare(shares: readonly number[], random: Random): number {
  let left = random() * shares.reduce((a, b) => a + b);
  let picked = 0;
  for (const [i, share] of shares.entries()) {
    if (share === 0) continue;
    picked = i;
    left -= share;
    if (left < 0) break;
  }
  return picked;
}
