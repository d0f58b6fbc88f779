import * as tf from '@tensorflow/tfjs';
import {existsSync, statSync} from 'node:fs';
import {esrganGenerator} from 'tfjs-ragan';
import {loadModel, saveModel} from 'tfjs-ragan/node';
import {PixelShuffle} from '../../../src/models/pixel-shuffle.js';
import {activateBackend} from '../../support/backends.js';
import {describeWithOnnxRuntime, runOnnx} from '../../support/onnxruntime.js';
import type {Pictures} from '../../support/onnxruntime.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {expectClose} from '../../support/values.js';

const inFolder = temporaryFolder();
const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
  layer.apply(x) as tf.SymbolicTensor;
let seed = 0;
const convolution = (filters: number, settings: object = {}) =>
  tf.layers.conv2d({
    filters,
    kernelSize: 3,
    padding: 'same',
    kernelInitializer: tf.initializers.randomUniform({minval: -0.4, maxval: 0.4, seed: ++seed}),
    biasInitializer: tf.initializers.randomUniform({minval: -0.4, maxval: 0.4, seed: ++seed}),
    ...settings,
  });
const picture = (...shape: number[]): Pictures => ({
  shape,
  values: Array.from({length: tf.util.sizeFromShape(shape)}, (_, i) => ((i * i * 37 + i * 11) % 256) / 255),
});
const pictures = [picture(1, 6, 9, 3), picture(2, 7, 5, 3)];

/** A network of every layer that can be written, in two sizes of pixels and a model inside it. */
function everyLayer(): tf.LayersModel {
  const inner = tf.sequential({
    layers: [
      convolution(6, {inputShape: [null, null, 6], activation: 'tanh', dilationRate: 2}),
      tf.layers.prelu({sharedAxes: [1, 2], alphaInitializer: tf.initializers.randomUniform({minval: 0, maxval: 1, seed: 1})}),
    ],
  });
  const input = tf.input({shape: [null, null, 3]});
  let x = apply(tf.layers.rescaling({scale: 2, offset: -0.5}), input);
  x = apply(convolution(6, {kernelSize: [1, 2], activation: 'elu'}), x);
  x = apply(tf.layers.concatenate(), [apply(inner, x), apply(tf.layers.leakyReLU({alpha: 0.1}), x)]);
  x = apply(convolution(12, {useBias: false}), x);
  x = apply(tf.layers.add(), [x, apply(tf.layers.reLU({}), x), apply(tf.layers.activation({activation: 'sigmoid'}), x)]);
  x = apply(new PixelShuffle({scale: 2}), x);
  x = apply(tf.layers.upSampling2d({size: [2, 2], interpolation: 'nearest'}), x);
  x = apply(convolution(3, {activation: 'softsign'}), x);
  x = apply(convolution(3, {strides: 2, kernelSize: 4}), x);
  x = apply(tf.layers.upSampling2d({size: [2, 2], interpolation: 'bilinear'}), x);
  return tf.model({inputs: input, outputs: x});
}

async function expectTheSame(
  model: tf.LayersModel,
  name: string,
  weights: 'float32' | 'float16' = 'float32',
  on: Pictures[] = pictures,
) {
  await saveModel(model, inFolder(name), {format: 'onnx', weights});
  const {input, output, outputs} = runOnnx(inFolder(name), on);
  expect([input, output]).toEqual([
    ['input', ['batch', 3, 'height', 'width']],
    ['output', ['batch', 3, 'output_height', 'output_width']],
  ]);
  for (const [i, {shape, values}] of on.entries()) {
    const expected = tf.tidy(() => model.predict(tf.tensor(values, shape)) as tf.Tensor);
    expect(outputs[i]!.shape).toEqual(expected.shape);
    const numbers = Array.from(await expected.data());
    expect(new Set(numbers).size).toBeGreaterThan(50);
    expectClose(outputs[i]!.values, numbers, 1e-5);
    expected.dispose();
  }
}

beforeAll(() => activateBackend('wasm'));

describeWithOnnxRuntime('onnxruntime computes the same, of pictures of any size', () => {
  test.each(['float32', 'float16'] as const)('by the model in the box in %s', async weights => {
    const model = await loadModel('models/x4');
    await expectTheSame(model, 'box.onnx', weights);
    model.dispose();
  });

  test.each([1, 2, 8])('by an ESRGAN for %i times', async scale => {
    await expectTheSame(esrganGenerator({scale, filters: 4, growth: 3, blocks: 1, seed: 1}), 'esrgan.onnx');
  });

  test.each(['@upscalerjs/default-model', '@upscalerjs/esrgan-slim/3x', '@upscalerjs/esrgan-slim/4x'])(
    'by %s',
    async name => expectTheSame(await loadModel(name), 'upscalerjs.onnx'),
  );

  test('by an ESRGAN with pixel unshuffle', async () => {
    const model = esrganGenerator({scale: 2, pixelUnshuffle: 2, filters: 4, growth: 3, blocks: 1, seed: 1});
    await expectTheSame(model, 'unshuffle.onnx', 'float32', [picture(1, 6, 10, 3), picture(2, 8, 4, 3)]);
  });

  test('by every layer that can be written', () => expectTheSame(everyLayer(), 'every.onnx'));
});

describe('an ONNX file', () => {
  test('leaks nothing, and has half of the bytes in 16 bits', async () => {
    const model = esrganGenerator({scale: 4, filters: 16, growth: 8, blocks: 1, seed: 1});
    const {numTensors} = tf.memory();
    const sizes = [];
    for (const weights of ['float32', 'float16'] as const) {
      await saveModel(model, inFolder('leak.onnx'), {format: 'onnx', weights});
      sizes.push(statSync(inFolder('leak.onnx')).size);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(sizes[1]! / sizes[0]!).toBeLessThan(0.6);
    model.dispose();
  });

  const onPicture = (...layers: tf.layers.Layer[]) => {
    const input = tf.input({shape: [null, null, 3]});
    return tf.model({inputs: input, outputs: layers.reduce((x, layer) => apply(layer, x), input)});
  };
  test.each<[string, () => tf.LayersModel, RegExp]>([
    ['an unknown layer', () => onPicture(tf.layers.gaussianNoise({stddev: 1})), /its layer gaussian_\w+ \(GaussianNoise\) cannot be written as ONNX: only Conv2D, .* can$/], // prettier-ignore
    ['an unknown activation', () => onPicture(convolution(3, {activation: 'selu'})), /\(Conv2D\) cannot be written as ONNX: its activation selu is none of relu, /], // prettier-ignore
    ['a bounded ReLU', () => onPicture(tf.layers.reLU({maxValue: 6})), /\(ReLU\) cannot be written as ONNX: it ends at 6$/], // prettier-ignore
    ['no picture', () => tf.sequential({layers: [tf.layers.dense({units: 1, inputShape: [2]})]}), /the model must take images of any size/], // prettier-ignore
  ])('is not written of %s, which is named', async (_, make, reason) => {
    const path = inFolder('refused.onnx');
    const refusal = await saveModel(make(), path, {format: 'onnx'}).catch((error: Error) => error.message);
    expect(refusal).toMatch(reason);
    expect(refusal).toContain(`cannot save a model to ${path}: `);
    expect(existsSync(path)).toBe(false);
  });
});
