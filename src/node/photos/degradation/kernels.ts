/** A square kernel, in rows, whose values sum to 1. */
export interface Kernel {
  size: number;
  values: Float64Array;
}

/** The shape of a kernel: how wide along two axes that are turned by an angle, in radians. */
export interface KernelShape {
  size: number;
  sigmaX: number;
  sigmaY: number;
  angle: number;
}

/**
 * exp(-q^beta / 2) with q = x^T S^-1 x, S the covariance: a Gaussian for beta 1, sharper at the centre below, flatter above.
 *
 * Pascal et al., "Parameter Estimation For Multivariate Generalized Gaussian Distributions", 2013, https://arxiv.org/abs/1302.6498
 */
export function gaussianKernel(shape: KernelShape, beta = 1): Kernel {
  return kernelOf(shape.size, (x, y) => Math.exp(-0.5 * quadratic(shape, x, y) ** beta));
}

/** 1 / (1 + q^beta): flat at the centre, with long tails. */
export function plateauKernel(shape: KernelShape, beta: number): Kernel {
  return kernelOf(shape.size, (x, y) => 1 / (1 + quadratic(shape, x, y) ** beta));
}

/**
 * The circularly symmetric low-pass filter of a cut-off in radians per pixel, which rings: c J1(c r) / (2 pi r), and
 * c^2 / (4 pi) at the centre.
 */
export function sincKernel(size: number, cutoff: number): Kernel {
  return kernelOf(size, (x, y) => {
    const r = Math.hypot(x, y);
    return r === 0 ? cutoff ** 2 / (4 * Math.PI) : (cutoff * besselJ1(cutoff * r)) / (2 * Math.PI * r);
  });
}

function kernelOf(size: number, at: (x: number, y: number) => number): Kernel {
  const middle = (size - 1) / 2;
  const values = Float64Array.from({length: size * size}, (_, i) =>
    at((i % size) - middle, Math.floor(i / size) - middle),
  );
  const sum = values.reduce((a, b) => a + b);
  return {size, values: values.map(value => value / sum)};
}

function quadratic({sigmaX, sigmaY, angle}: KernelShape, x: number, y: number): number {
  const along = Math.cos(angle) * x + Math.sin(angle) * y;
  const across = Math.cos(angle) * y - Math.sin(angle) * x;
  return (along / sigmaX) ** 2 + (across / sigmaY) ** 2;
}

/** Samples of half a period: as good as exact up to arguments of 100, and kernels have those up to 45. */
const SAMPLES = 128;

/** J1(x) = 1/pi times the integral of cos(t - x sin t) from 0 to pi, whose sum over a whole period converges at once. */
export function besselJ1(x: number): number {
  let sum = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const t = ((i + 0.5) * Math.PI) / SAMPLES;
    sum += Math.cos(t - x * Math.sin(t));
  }
  return sum / SAMPLES;
}
