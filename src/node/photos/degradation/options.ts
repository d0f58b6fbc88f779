import type {OptionNames} from '../../../options.js';
import {requireKnownOptions} from '../../../options.js';

/** From where to where a value is drawn, uniformly. */
export type Range = readonly [from: number, to: number];

/** One of the two rounds of blur, resizing, noise and JPEG. */
export interface DegradationRound {
  /** How often it blurs at all. */
  blurProbability?: number;
  /** How often the blur is a sinc filter, which rings, instead of one of the other kernels. */
  sincProbability?: number;
  /**
   * How often each of the other kernels comes: isotropic, anisotropic, generalised isotropic, generalised anisotropic, plateau isotropic,
   * plateau anisotropic. They count by their share.
   */
  kernelProbabilities?: readonly number[];
  /** Standard deviation of the kernels along each axis, in pixels. */
  sigma?: Range;
  /** The power of generalised Gaussians: half of them have one below 1, half above. */
  generalizedBeta?: Range;
  /** The same of plateaus. */
  plateauBeta?: Range;
  /** How often it is enlarged, shrunk and neither. They count by their share. */
  resizeProbabilities?: readonly number[];
  /** By how much it is shrunk at most, and enlarged at most. */
  resizeRange?: Range;
  /** How often the noise is Gaussian, and else Poisson. */
  gaussianProbability?: number;
  /** Standard deviation of Gaussian noise, of 255. */
  gaussianSigma?: Range;
  /** How strong Poisson noise is. */
  poissonScale?: Range;
  /** How often noise is grey, the same in all channels. */
  greyProbability?: number;
  /** Quality of the JPEG, from 1 to 100. */
  jpegQuality?: Range;
}

/** What `realEsrganDegradation` can be told; what is left out is as published. */
export interface RealEsrganDegradationOptions {
  /** The first round. */
  first?: DegradationRound;
  /** The second round, which ends at the low resolution. */
  second?: DegradationRound;
  /** How often a sinc filter comes last, before or after the second JPEG. */
  finalSincProbability?: number;
}

/** All of it. */
export interface DegradationValues {
  /** The first round. */
  readonly first: Readonly<Required<DegradationRound>>;
  /** The second round. */
  readonly second: Readonly<Required<DegradationRound>>;
  /** How often a sinc filter comes last. */
  readonly finalSincProbability: number;
}

const OPTIONS: OptionNames<RealEsrganDegradationOptions> = {first: true, second: true, finalSincProbability: true};

const ROUND: OptionNames<DegradationRound> = {
  blurProbability: true,
  sincProbability: true,
  kernelProbabilities: true,
  sigma: true,
  generalizedBeta: true,
  plateauBeta: true,
  resizeProbabilities: true,
  resizeRange: true,
  gaussianProbability: true,
  gaussianSigma: true,
  poissonScale: true,
  greyProbability: true,
  jpegQuality: true,
};

/**
 * The published ranges: those of BasicSR's `options/train/RealESRGAN/train_realesrgan_x4plus.yml`
 * (https://github.com/XPixelGroup/BasicSR), which are the paper's, section 4.1 (https://arxiv.org/abs/2107.10833).
 */
export const REAL_ESRGAN_DEGRADATION: DegradationValues = {
  first: {
    blurProbability: 1,
    sincProbability: 0.1, // sinc_prob
    kernelProbabilities: [0.45, 0.25, 0.12, 0.03, 0.12, 0.03], // kernel_prob
    sigma: [0.2, 3], // blur_sigma
    generalizedBeta: [0.5, 4], // betag_range
    plateauBeta: [1, 2], // betap_range
    resizeProbabilities: [0.2, 0.7, 0.1], // resize_prob
    resizeRange: [0.15, 1.5], // resize_range
    gaussianProbability: 0.5, // gaussian_noise_prob
    gaussianSigma: [1, 30], // noise_range
    poissonScale: [0.05, 3], // poisson_scale_range
    greyProbability: 0.4, // gray_noise_prob
    jpegQuality: [30, 95], // jpeg_range
  },
  second: {
    blurProbability: 0.8, // second_blur_prob
    sincProbability: 0.1, // sinc_prob2
    kernelProbabilities: [0.45, 0.25, 0.12, 0.03, 0.12, 0.03], // kernel_prob2
    sigma: [0.2, 1.5], // blur_sigma2
    generalizedBeta: [0.5, 4], // betag_range2
    plateauBeta: [1, 2], // betap_range2
    resizeProbabilities: [0.3, 0.4, 0.3], // resize_prob2
    resizeRange: [0.3, 1.2], // resize_range2
    gaussianProbability: 0.5, // gaussian_noise_prob2
    gaussianSigma: [1, 25], // noise_range2
    poissonScale: [0.05, 2.5], // poisson_scale_range2
    greyProbability: 0.4, // gray_noise_prob2
    jpegQuality: [30, 95], // jpeg_range2
  },
  finalSincProbability: 0.8, // final_sinc_prob
};

/** The published values with others in their place. @throws one line: an option is unknown or out of range. */
export function degradationValues(options: RealEsrganDegradationOptions): DegradationValues {
  requireKnownOptions('realEsrganDegradation', options, OPTIONS);
  const {first = {}, second = {}, finalSincProbability = REAL_ESRGAN_DEGRADATION.finalSincProbability} = options;
  requireKnownOptions('realEsrganDegradation first', first, ROUND);
  requireKnownOptions('realEsrganDegradation second', second, ROUND);
  const values = {
    first: {...REAL_ESRGAN_DEGRADATION.first, ...first},
    second: {...REAL_ESRGAN_DEGRADATION.second, ...second},
    finalSincProbability,
  };
  requireRound('first', values.first);
  requireRound('second', values.second);
  requireProbability('finalSincProbability', finalSincProbability);
  return values;
}

function requireRound(name: string, round: Required<DegradationRound>): void {
  for (const option of ['blurProbability', 'sincProbability', 'gaussianProbability', 'greyProbability'] as const) {
    requireProbability(`${name}.${option}`, round[option]);
  }
  requireShares(`${name}.kernelProbabilities`, round.kernelProbabilities, 6);
  requireShares(`${name}.resizeProbabilities`, round.resizeProbabilities, 3);
  requireRange(`${name}.sigma`, round.sigma, 0.05, 50);
  requireRange(`${name}.generalizedBeta`, round.generalizedBeta, 0.1, 50);
  requireRange(`${name}.plateauBeta`, round.plateauBeta, 0.1, 50);
  requireRange(`${name}.resizeRange`, round.resizeRange, 0.01, 8);
  requireRange(`${name}.gaussianSigma`, round.gaussianSigma, 0, 255);
  requireRange(`${name}.poissonScale`, round.poissonScale, 0, 100);
  requireRange(`${name}.jpegQuality`, round.jpegQuality, 1, 100);
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new Error(`realEsrganDegradation: ${option} must be ${expected}, but it is ${JSON.stringify(value)}.`);
}

function requireProbability(option: string, value: number): void {
  if (!(value >= 0 && value <= 1)) refuse(option, 'a number from 0 to 1', value);
}

function requireShares(option: string, shares: readonly number[], count: number): void {
  const fits =
    Array.isArray(shares) && shares.length === count && shares.every(share => share >= 0 && share < Infinity);
  if (!fits || !shares.some(share => share > 0)) refuse(option, `${count} numbers from 0, not all of them 0`, shares);
}

function requireRange(option: string, range: Range, least: number, most: number): void {
  const fits = Array.isArray(range) && range.length === 2 && range[0] >= least && range[0] <= range[1];
  if (!fits || !(range[1] <= most)) refuse(option, `[from, to] within ${least} and ${most}`, range);
}
