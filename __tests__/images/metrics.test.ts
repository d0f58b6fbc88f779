import * as tf from '@tensorflow/tfjs';
import {bicubicDownscale, bicubicUpscale, psnr, sharpness, ssim} from 'tfjs-ragan';
import {resizeArray} from '../../src/images/resize-array.js';
import {describeOnBackends} from '../support/backends.js';
import {readGoldens} from '../support/golden.js';
import {expectClose} from '../support/values.js';

interface Pair {
  shape: [number, number, number];
  a: number[];
  b: number[];
  crop: number;
  psnrRgb: number;
  psnrY: number;
  ssimY: number;
  ssimRgb: number;
  skimageSsimRgbNoCrop: number;
  psnrRgbNoCrop: number;
}
interface Downscale {
  shape: [number, number, number];
  input: number[];
  scale: number;
  outputShape: [number, number, number];
  output: number[];
}

const {pairs, bicubicDownscale: downscales} = readGoldens<{pairs: Pair[]; bicubicDownscale: Downscale[]}>('metrics');
const image = (values: number[], shape: [number, number, number]) => tf.tensor3d(values, shape).div<tf.Tensor3D>(255);

describeOnBackends('image metrics', () => {
  test.each(pairs.map((pair, i) => [i, pair] as const))('of golden pair %s', async (_, pair) => {
    const [a, b] = [image(pair.a, pair.shape), image(pair.b, pair.shape)];
    const before = tf.memory().numTensors;
    const {crop} = pair;
    expect(await psnr(a, b, {crop})).toBeCloseTo(pair.psnrRgb, 4);
    expect(await psnr(a, b, {crop, channel: 'y'})).toBeCloseTo(pair.psnrY, 4);
    expect(await psnr(a, b)).toBeCloseTo(pair.psnrRgbNoCrop, 4);
    expect(await ssim(a, b, {crop, channel: 'y'})).toBeCloseTo(pair.ssimY, 4);
    expect(await ssim(a, b, {crop})).toBeCloseTo(pair.ssimRgb, 4);
    expect(await ssim(a, b)).toBeCloseTo(pair.skimageSsimRgbNoCrop, 4);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('of an image and itself', async () => {
    const a = image(pairs[0]!.a, pairs[0]!.shape);
    expect(await psnr(a, a)).toBe(Infinity);
    expect(await ssim(a, a)).toBeCloseTo(1, 5);
    expect(await sharpness(a, a)).toBeCloseTo(1, 6);
  });

  test('sharpness falls with blur and rises with contrast', async () => {
    const a = tf.randomUniform<tf.Rank.R3>([32, 32, 3], 0, 1, 'float32', 1);
    const blurred = bicubicUpscale(bicubicDownscale(a, 4), 4);
    expect(await sharpness(blurred, a)).toBeLessThan(0.5);
    expect(await sharpness(a.mul(2), a)).toBeCloseTo(2, 3);
  });

  test('refuse what cannot be compared', async () => {
    const a = tf.zeros([16, 16, 3]);
    await expect(psnr(a, tf.zeros([16, 8, 3]))).rejects.toThrow('psnr: both images must have the same shape');
    await expect(psnr(a, a, {crop: 8})).rejects.toThrow(
      'crop must be a whole number that leaves some of 16 x 16 pixels, but it is 8',
    );
    await expect(ssim(a, a, {crop: 4})).rejects.toThrow('11 x 11 pixels are needed');
    await expect(psnr(a.toInt(), a)).rejects.toThrow('.toFloat().div(255)');
    await expect(psnr(tf.zeros([8, 8, 1]), tf.zeros([8, 8, 1]), {channel: 'y'})).rejects.toThrow('3 channels');
  });
});

describeOnBackends('bicubic resizing', () => {
  test.each(downscales.map((golden, i) => [i, golden] as const))('shrinks as in golden case %s', async (_, golden) => {
    const [height, width] = golden.shape;
    // The oracle computed in single precision.
    const small = bicubicDownscale(tf.tensor3d(golden.input, golden.shape), Math.round(1 / golden.scale));
    expect(small.shape).toEqual(golden.outputShape);
    expectClose(await small.data(), golden.output, 1e-6);
    const plain = resizeArray({data: golden.input, height, width, channels: 3}, golden.scale);
    expectClose(plain.data, golden.output, 1e-6);
  });

  test('treats each image of a batch as it would alone, whatever the size', async () => {
    const batch = tf.randomUniform<tf.Rank.R4>([2, 9, 14, 3], 0, 1, 'float32', 1);
    const [first, second] = tf.unstack(batch) as [tf.Tensor3D, tf.Tensor3D];
    for (const resize of [bicubicDownscale, bicubicUpscale]) {
      const together = await resize(batch, 4).data();
      expectClose(together, [...(await resize(first, 4).data()), ...(await resize(second, 4).data())], 1e-6);
    }
    expect(bicubicDownscale(batch, 4).shape).toEqual([2, 3, 4, 3]);
    expect(bicubicUpscale(batch, 2).shape).toEqual([2, 18, 28, 3]);
  });

  test('keeps a constant, also of one pixel, and leaks nothing', async () => {
    const one = tf.ones([1, 1, 3]).mul<tf.Tensor3D>(0.25);
    const before = tf.memory().numTensors;
    const large = bicubicUpscale(one, 4);
    expectClose(await large.data(), new Float32Array(48).fill(0.25), 1e-6);
    large.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses factors and images it cannot take', () => {
    expect(() => bicubicDownscale(tf.zeros([4, 4, 3]), 2.5)).toThrow(
      'factor must be a whole number of at least 1, but it is 2.5',
    );
    expect(() => bicubicDownscale(tf.zeros([4, 4]) as unknown as tf.Tensor3D, 2)).toThrow('its shape is [4, 4]');
  });
});
