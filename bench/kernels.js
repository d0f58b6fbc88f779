// The convolutions of one ESRGAN-lite step, each timed forward and for both of its gradients.
import * as tf from '@tensorflow/tfjs';
import {median} from './median.js';

const BATCH = 4;
/** Long enough for the clock, short enough to take turns. */
const MILLISECONDS_PER_SAMPLE = 20;

/** Every distinct convolution: height and width of the input, kernel, stride, channels in and out, times it occurs. */
const SHAPES = [
  // The generator: a dense block's five, the trunk's others, and those after each upsampling.
  [16, 3, 1, 32, 16, 6],
  [16, 3, 1, 48, 16, 6],
  [16, 3, 1, 64, 16, 6],
  [16, 3, 1, 80, 16, 6],
  [16, 3, 1, 96, 32, 6],
  [16, 3, 1, 3, 32, 1],
  [16, 3, 1, 32, 32, 1],
  [32, 3, 1, 32, 32, 1],
  [64, 3, 1, 32, 32, 2],
  [64, 3, 1, 32, 3, 1],
  // The critic; it sees the real and the fake images.
  [64, 3, 1, 3, 32, 2],
  [64, 4, 2, 32, 32, 2],
  [32, 3, 1, 32, 64, 2],
  [32, 4, 2, 64, 64, 2],
  [16, 3, 1, 64, 128, 2],
  [16, 4, 2, 128, 128, 2],
  [8, 3, 1, 128, 128, 2],
  [8, 4, 2, 128, 128, 2],
];

/**
 * GFLOP/s of every shape, the median over `rounds` samples of each kernel taken in turn, and the rate over all the
 * convolutions of the step together.
 */
export async function benchmarkKernels(rounds) {
  const shapes = [];
  for (const [size, kernel, stride, channelsIn, channelsOut, times] of SHAPES) {
    const milliseconds = await timeConvolution({size, kernel, stride, channelsIn, channelsOut}, rounds);
    const outputs = BATCH * (size / stride) ** 2 * channelsOut;
    const gigaflop = (2 * outputs * kernel * kernel * channelsIn) / 1e9;
    shapes.push({size, kernel, stride, channelsIn, channelsOut, times, gigaflop, milliseconds});
  }
  const total = name => sum(shapes, shape => shape.times * shape.milliseconds[name]);
  const work = sum(shapes, shape => shape.times * shape.gigaflop);
  const rates = toRate => ({forward: toRate('forward'), input: toRate('input'), filter: toRate('filter')});
  return {
    batch: BATCH,
    shapes: shapes.map(({milliseconds, gigaflop, ...shape}) => ({
      ...shape,
      gflops: rates(name => gigaflop / (milliseconds[name] / 1000)),
    })),
    all: rates(name => work / (total(name) / 1000)),
  };
}

async function timeConvolution({size, kernel, stride, channelsIn, channelsOut}, rounds) {
  const x = tf.randomNormal([BATCH, size, size, channelsIn]);
  const filter = tf.randomNormal([kernel, kernel, channelsIn, channelsOut]);
  const dy = tf.randomNormal([BATCH, size / stride, size / stride, channelsOut]);
  const settings = {strides: stride, pad: 'same', dataFormat: 'NHWC', dimRoundingMode: undefined};
  const run = (name, inputs, extra) => tf.engine().runKernel(name, inputs, {...settings, ...extra});
  const kernels = {
    forward: () => run('Conv2D', {x, filter}, {dilations: 1}),
    input: () => run('Conv2DBackpropInput', {dy, filter}, {inputShape: x.shape}),
    filter: () => run('Conv2DBackpropFilter', {x, dy}, {filterShape: filter.shape}),
  };
  const samples = {};
  const repetitions = {};
  for (const name of Object.keys(kernels)) {
    await time(kernels[name], 1); // the first call may compile or lay out memory
    repetitions[name] = Math.ceil(MILLISECONDS_PER_SAMPLE / (await time(kernels[name], 1)));
    samples[name] = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(kernels)) samples[name].push(await time(kernels[name], repetitions[name]));
  }
  tf.dispose([x, filter, dy]);
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
}

/** Milliseconds per call; ends when the last result can be read, since some backends only queue the work. */
async function time(call, repetitions) {
  const start = performance.now();
  let last;
  for (let i = 0; i < repetitions; i++) {
    last?.dispose();
    last = call();
  }
  const element = tf.tidy(() => last.flatten().slice(0, 1));
  await element.data();
  const milliseconds = (performance.now() - start) / repetitions;
  tf.dispose([last, element]);
  return milliseconds;
}

function sum(values, of) {
  return values.reduce((total, value) => total + of(value), 0);
}
