import sharp from 'sharp';
import {blur} from '../../../../src/node/photos/degradation/blur.js';
import {degrade, randomKernel} from '../../../../src/node/photos/degradation/degrade.js';
import {jpeg} from '../../../../src/node/photos/degradation/jpeg.js';
import {besselJ1, gaussianKernel, plateauKernel, sincKernel} from '../../../../src/node/photos/degradation/kernels.js';
import type {Kernel} from '../../../../src/node/photos/degradation/kernels.js';
import {addGaussianNoise, addPoissonNoise, normal, poisson} from '../../../../src/node/photos/degradation/noise.js';
import type {DegradationRound} from '../../../../src/node/photos/degradation/options.js';
import {REAL_ESRGAN_DEGRADATION, degradationValues} from '../../../../src/node/photos/degradation/options.js';
import {bytesOf, planesOf, reflected} from '../../../../src/node/photos/degradation/planes.js';
import type {Planes} from '../../../../src/node/photos/degradation/planes.js';
import {resize} from '../../../../src/node/photos/degradation/resize.js';
import {seededRandom} from '../../../../src/seeded-random.js';
import {expectClose} from '../../../support/values.js';

const noise = (width: number, height: number): Planes => {
  const random = seededRandom(width, height);
  return {data: Float32Array.from({length: 3 * width * height}, random), width, height};
};
const flat = (value: number, size: number): Planes => ({
  data: new Float32Array(3 * size * size).fill(value),
  width: size,
  height: size,
});
const moments = (values: ArrayLike<number>) => {
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  return {mean, deviation: Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length)};
};
const sum = (kernel: Kernel) => kernel.values.reduce((a, b) => a + b);

describe('kernels', () => {
  const shape = {size: 21, sigmaX: 2, sigmaY: 2, angle: 0};
  const at = ({size, values}: Kernel, x: number, y: number) =>
    values[(y + (size - 1) / 2) * size + x + (size - 1) / 2]!;
  const varianceAlong = (kernel: Kernel, angle: number) => {
    let variance = 0;
    for (let y = -10; y <= 10; y++) {
      for (let x = -10; x <= 10; x++) variance += at(kernel, x, y) * (Math.cos(angle) * x + Math.sin(angle) * y) ** 2;
    }
    return variance;
  };

  test('sum to 1', () => {
    const kernels = [gaussianKernel(shape), gaussianKernel(shape, 0.5), plateauKernel(shape, 1.5), sincKernel(21, 2)];
    for (const kernel of [...kernels, sincKernel(7, Math.PI / 3)]) expect(sum(kernel)).toBeCloseTo(1, 12);
  });

  test('Gaussians have their deviations along their axes', () => {
    expect(varianceAlong(gaussianKernel(shape), 0.7)).toBeCloseTo(4, 3);
    const turned = gaussianKernel({size: 21, sigmaX: 2, sigmaY: 1, angle: 0.5});
    expect(varianceAlong(turned, 0.5)).toBeCloseTo(4, 3);
    expect(varianceAlong(turned, 0.5 + Math.PI / 2)).toBeCloseTo(1, 3);
    expect(at(gaussianKernel(shape), 2, 0) / at(gaussianKernel(shape), 0, 0)).toBeCloseTo(Math.exp(-0.5), 12);
  });

  test('generalised Gaussians and plateaus have their formulas', () => {
    const q = (3 / 2) ** 2 + (1 / 2) ** 2;
    const ratio = (kernel: Kernel) => at(kernel, 3, 1) / at(kernel, 0, 0);
    expect(ratio(gaussianKernel(shape, 1.7))).toBeCloseTo(Math.exp(-0.5 * q ** 1.7), 12);
    expect(ratio(plateauKernel(shape, 1.3))).toBeCloseTo(1 / (1 + q ** 1.3), 12);
  });

  test('sinc filters pass what is slow and stop what is fast', () => {
    // Abramowitz and Stegun, table 9.1, and the first and the fourteenth zero of J1.
    expect(besselJ1(1)).toBeCloseTo(0.4400505857, 10);
    expect(besselJ1(10)).toBeCloseTo(0.0434727462, 10);
    expect(besselJ1(3.8317059702)).toBeCloseTo(0, 9);
    expect(besselJ1(44.7593189977)).toBeCloseTo(0, 9);
    const kernel = sincKernel(21, Math.PI / 2);
    const response = (frequency: number) => {
      let real = 0;
      for (let y = -10; y <= 10; y++)
        for (let x = -10; x <= 10; x++) real += at(kernel, x, y) * Math.cos(frequency * x);
      return real;
    };
    expect(response(0)).toBeCloseTo(1, 12);
    expect(Math.abs(response(0.8) - 1)).toBeLessThan(0.2);
    expect(Math.abs(response(2.5))).toBeLessThan(0.1);
    expect(Math.min(...kernel.values)).toBeLessThan(0);
  });

  test('are drawn as often as the probabilities say', () => {
    const {first} = REAL_ESRGAN_DEGRADATION;
    const random = seededRandom(1);
    const kernels = Array.from({length: 2000}, () => randomKernel(first, random));
    const rings = kernels.filter(({values}) => Math.min(...values) < 0).length;
    expect(Math.abs(rings - 200)).toBeLessThan(5 * Math.sqrt(180));
    expect(new Set(kernels.map(({size}) => size)).size).toBe(8);
    const plain = {...first, sincProbability: 0, kernelProbabilities: [1, 0, 0, 0, 0, 0]};
    for (let i = 0; i < 50; i++) {
      const {size, values} = randomKernel(plain, random);
      // Symmetric, and of a Gaussian: the corner is that of both axes.
      const middle = (size - 1) / 2;
      expect(values[middle * size + middle + 1]).toBeCloseTo(values[(middle + 1) * size + middle]!, 12);
    }
  });
});

test('blur is the sum over the kernel, mirrored at the border', () => {
  const picture = noise(9, 6);
  const kernel = gaussianKernel({size: 15, sigmaX: 3, sigmaY: 1, angle: 0.4});
  const expected = picture.data.map((_, i) => {
    const [plane, y, x] = [Math.floor(i / 54), Math.floor(i / 9) % 6, i % 9];
    let total = 0;
    for (let dy = -7; dy <= 7; dy++) {
      for (let dx = -7; dx <= 7; dx++) {
        const from = plane * 54 + reflected(y + dy, 6) * 9 + reflected(x + dx, 9);
        total += kernel.values[(dy + 7) * 15 + dx + 7]! * picture.data[from]!;
      }
    }
    return total;
  });
  expectClose(blur(picture, kernel).data, expected, 1e-5);
  expect([-2, -1, 0, 3, 4, 5, 6, 7].map(index => reflected(index, 4))).toEqual([2, 1, 0, 3, 2, 1, 0, 1]);
  expect(reflected(-5, 1)).toBe(0);
});

describe('resizing', () => {
  /** `torch.nn.functional.interpolate`, value by value. */
  const interpolated = ({data, width, height}: Planes, to: [number, number], mode: string) => {
    const clamp = (index: number, size: number) => Math.min(size - 1, Math.max(0, index));
    const cubic = (d: number) => {
      const [a, x] = [-0.75, Math.abs(d)];
      if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
      return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
    };
    const weight = (out: number, from: number, into: number, index: number) => {
      if (mode === 'area') {
        const [begin, end] = [Math.floor((out * from) / into), Math.ceil(((out + 1) * from) / into)];
        return index >= begin && index < end ? 1 / (end - begin) : 0;
      }
      const distance = ((out + 0.5) * from) / into - 0.5 - index;
      return mode === 'bilinear' ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance);
    };
    return Array.from({length: 3 * to[0] * to[1]}, (_, i) => {
      const [plane, y, x] = [Math.floor(i / (to[0] * to[1])), Math.floor(i / to[0]) % to[1], i % to[0]];
      let total = 0;
      for (let row = -3; row < height + 3; row++) {
        for (let column = -3; column < width + 3; column++) {
          const value = data[(plane * height + clamp(row, height)) * width + clamp(column, width)]!;
          total += value * weight(y, height, to[1], row) * weight(x, width, to[0], column);
        }
      }
      return total;
    });
  };

  test.each(['area', 'bilinear', 'bicubic'] as const)('by %s, up, down and both', mode => {
    const picture = noise(7, 5);
    for (const size of [
      [10, 8],
      [3, 2],
      [12, 3],
      [1, 1],
      [7, 6],
    ] as [number, number][]) {
      const out = resize(picture, ...size, mode);
      expect([out.width, out.height]).toEqual(size);
      expectClose(out.data, interpolated(picture, size, mode), 1e-5);
    }
    expect(resize(picture, 7, 5, mode)).toBe(picture);
  });
});

describe('noise', () => {
  test('Gaussian noise has its deviation, grey the same in all channels', () => {
    const coloured = addGaussianNoise(flat(0.5, 100), 20 / 255, false, seededRandom(1)).data;
    expect(moments(coloured).deviation * 255).toBeCloseTo(20, 0);
    expect(Math.abs(moments(coloured).mean - 0.5)).toBeLessThan(3e-3);
    const grey = addGaussianNoise(flat(0.5, 100), 20 / 255, true, seededRandom(1)).data;
    expect(moments(grey).deviation * 255).toBeCloseTo(20, 0);
    expect(grey.slice(0, 10_000)).toEqual(grey.slice(20_000));
    expect(coloured.slice(0, 10_000)).not.toEqual(coloured.slice(20_000));
  });

  test('Poisson noise is that of so many photons as there are values', () => {
    // Two values, so that white has two photons; that of a value v has the variance v / 2.
    const picture = flat(0.6, 100);
    picture.data.fill(0.2, 0, 15_000);
    const noisy = addPoissonNoise(picture, 0.1, false, seededRandom(2)).data;
    const difference = noisy.map((value, i) => (value - picture.data[i]!) * 10);
    expect(moments(difference.slice(0, 15_000)).deviation).toBeCloseTo(Math.sqrt(0.2 / 2), 1);
    expect(moments(difference.slice(15_000)).deviation).toBeCloseTo(Math.sqrt(0.6 / 2), 1);
    const grey = addPoissonNoise(picture, 0.1, true, seededRandom(2)).data;
    const change = (plane: number) => grey[plane * 10_000 + 9999]! - picture.data[plane * 10_000 + 9999]!;
    expect(change(0)).toBeCloseTo(change(1), 5);
    expect(change(1)).toBeCloseTo(change(2), 5);
  });

  test.each([0, 0.3, 4, 9.9, 10, 30, 250])('Poisson numbers of mean %d have that mean and variance', mean => {
    const random = seededRandom(3, Math.round(mean * 10));
    const {mean: found, deviation} = moments(Array.from({length: 20_000}, () => poisson(mean, random)));
    expect(Math.abs(found - mean)).toBeLessThanOrEqual(5 * Math.sqrt(mean / 20_000));
    expect(Math.abs(deviation ** 2 - mean)).toBeLessThanOrEqual(0.05 * mean + 0.02 * Math.sqrt(mean));
  });

  test('Poisson and normal numbers come as often as they should', () => {
    const random = seededRandom(5);
    const counts = Array<number>(40).fill(0);
    for (let i = 0; i < 40_000; i++) counts[poisson(12, random)]!++;
    let probability = Math.exp(-12);
    for (let count = 0; count < 30; count++) {
      const deviation = Math.sqrt(40_000 * probability);
      expect(Math.abs(counts[count]! - 40_000 * probability)).toBeLessThan(5 * deviation + 2);
      probability *= 12 / (count + 1);
    }
    const normals = Array.from({length: 40_000}, () => normal(random));
    const within = normals.filter(value => Math.abs(value) < 1).length / 40_000;
    expect(within).toBeCloseTo(0.6827, 2);
    expect(normals.every(Number.isFinite)).toBe(true);
  });
});

test('JPEG leaves what a file of that quality has, with more of its blocks the lower it is', async () => {
  const picture = noise(32, 24);
  const raw = {width: 32, height: 24, channels: 3} as const;
  const errors = [];
  for (const quality of [95, 60, 30]) {
    const out = await jpeg(picture, quality);
    const file = await sharp(Buffer.from(bytesOf(picture)), {raw})
      .jpeg({quality})
      .toBuffer();
    expect(bytesOf(out)).toEqual(new Uint8Array(await sharp(file).raw().toBuffer()));
    errors.push(moments(out.data.map((value, i) => value - picture.data[i]!)).deviation);
  }
  expect(errors).toEqual([...errors].sort((a, b) => a - b));
  // A slope becomes blocks of 8 pixels: it jumps at their borders.
  const slope = flat(0, 32);
  slope.data.forEach((_, i) => (slope.data[i] = (i % 32) / 100 + 0.3));
  const row = Array.from((await jpeg(slope, 5)).data.slice(0, 32));
  const jumps = row.slice(1).map((value, i) => Math.abs(value - row[i]!));
  const [atBorders, within] = [true, false].map(
    isBorder => moments(jumps.filter((_, i) => (i % 8 === 7) === isBorder)).mean,
  );
  expect(atBorders!).toBeGreaterThan(3 * within!);
});

describe('the whole', () => {
  const high = {data: bytesOf(noise(64, 48)), width: 64, height: 48, channels: 3} as const;
  const run = (seed: number, values = REAL_ESRGAN_DEGRADATION, scale = 4) =>
    degrade(high, values, scale, seededRandom(seed));

  test('has the size of the scale, and follows from its seed', async () => {
    const first = await run(1);
    expect([first.width, first.height, first.data.length]).toEqual([16, 12, 3 * 16 * 12]);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
    for (let seed = 3; seed < 20; seed++) expect((await run(seed, undefined, 2)).data).toHaveLength(3 * 32 * 24);
  });

  test('with nothing but keeping is the picture shrunk', async () => {
    const nothing: DegradationRound = {
      ...{blurProbability: 0, resizeProbabilities: [0, 0, 1], gaussianProbability: 1},
      ...{gaussianSigma: [0, 0], jpegQuality: [100, 100]},
    };
    const values = degradationValues({first: nothing, second: nothing, finalSincProbability: 0});
    const grey = {...high, data: new Uint8Array(high.data.length).fill(77)};
    for (const value of (await degrade(grey, values, 4, seededRandom(1))).data)
      expect(Math.abs(value - 77)).toBeLessThan(2);
  });

  test('options out of range are refused', () => {
    const refusal = (options: object) => () => degradationValues(options);
    expect(refusal({finalSincProbability: 2})).toThrow(
      'finalSincProbability must be a number from 0 to 1, but it is 2',
    );
    expect(refusal({first: {jpegQuality: [0, 50]}})).toThrow('first.jpegQuality must be [from, to] within 1 and 100');
    expect(refusal({second: {sigma: [3, 1]}})).toThrow('second.sigma must be [from, to] within 0.05 and 50');
    expect(refusal({first: {kernelProbabilities: [1]}})).toThrow('6 numbers from 0, not all of them 0');
    expect(refusal({first: {resizeProbabilities: [0, 0, 0]}})).toThrow('3 numbers from 0, not all of them 0');
    expect(refusal({first: {blur: 1}})).toThrow("unknown option 'blur'");
  });

  test('pixels go to planes and back', () => {
    expect(bytesOf(planesOf(high))).toEqual(high.data);
  });
});
