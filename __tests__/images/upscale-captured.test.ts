import * as tf from '@tensorflow/tfjs';
import {compactGenerator, esrganGenerator, upscale} from 'tfjs-ragan';
import type {UpscaleOptions} from 'tfjs-ragan';
import {decodeImage} from '../../src/node/photos/decode.js';
import {TileRunner} from '../../src/images/tile-runner.js';
import {upscaleInStrips} from '../../src/images/upscale-strips.js';
import type {CaptureStatus} from '../../src/training/step-capture.js';
import {stepCapturer} from '../../src/training/step-capture.js';
import {upscaleItems} from '../../src/node/photos/upscale-folder.js';
import {evaluatePhoto} from '../../src/node/runs/evaluation.js';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';
import {expectClose} from '../support/values.js';

const inFolder = temporaryFolder();
const noise = (height: number, width: number) => tf.randomUniform<tf.Rank.R3>([height, width, 3], 0, 1, 'float32', 2);
const generator = () => esrganGenerator({scale: 2, filters: 16, growth: 8, blocks: 1, seed: 1});
const refuse = (message: string) => {
  throw new Error(message);
};

/** Reads a value while it is recorded, and adds it. */
class Reading extends tf.layers.Layer {
  static className = 'Reading';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = [inputs].flat()[0]!;
    return tf.add(x, x.min().dataSync()[0]!);
  }
}
/** Makes values above a half infinite. */
class Diverged extends tf.layers.Layer {
  static className = 'Diverged';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.div(1, tf.relu(tf.sub(0.5, [inputs].flat()[0]!)));
  }
}
const ofLayer = (layer: tf.layers.Layer) => {
  const input = tf.input({shape: [null, null, 3]});
  return tf.model({inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor});
};

/** Enlarges, and tells how the last tile was computed, and how many steps were captured. */
async function watched(model: tf.LayersModel, image: tf.Tensor3D, options: UpscaleOptions = {}) {
  const capturer = stepCapturer()!;
  const capture = jest.spyOn(capturer, 'capture');
  const statuses: CaptureStatus[] = [];
  const progress = () => {
    const step = capture.mock.results[0]?.value as {status: CaptureStatus} | undefined;
    if (step) statuses.push(step.status);
  };
  const before = tf.memory().numTensors;
  try {
    const result = await upscale(model, image, {...options, onProgress: progress});
    const values = Array.from(await result.data());
    result.dispose();
    expect(tf.memory().numTensors).toBe(before);
    return {values, status: statuses.at(-1), steps: capture.mock.calls.length};
  } finally {
    capture.mockRestore();
  }
}

describeOnTensorFlow('many tiles', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  test.each<[string, () => tf.LayersModel, UpscaleOptions]>([
    ['of an ESRGAN', generator, {}],
    [
      'of an ESRGAN with pixel unshuffle',
      () => esrganGenerator({scale: 2, pixelUnshuffle: 2, filters: 16, growth: 8, blocks: 1, seed: 1}),
      {},
    ],
    ['of a compact network', () => compactGenerator({scale: 2, filters: 16, convolutions: 2, seed: 1}), {}],
    ['of an ensemble', generator, {ensemble: true}],
  ])('%s are one call each time, with the numbers of op by op', async (_, make, options) => {
    const model = make();
    const image = noise(49, 67);
    const how = {tile: 14, overlap: 6, onWarning: refuse, ...options};
    const captured = await watched(model, image, how);
    const graphs = options.ensemble ? 2 : 1;
    expect(captured.status).toMatchObject({state: 'captured', graphs});
    const usual = await watched(model, image, {...how, capture: false});
    expect(usual.steps).toBe(0);
    expectClose(captured.values, usual.values, 1e-5);
    expect(captured.values).not.toEqual(usual.values);
    image.dispose();
    model.dispose();
  });

  test('are computed as usual where they are few', async () => {
    const [model, image] = [generator(), noise(40, 40)];
    expect((await watched(model, image, {tile: 14})).steps).toBe(0);
    expect((await watched(model, image, {tile: 10})).steps).toBe(1);
    image.dispose();
    model.dispose();
  });

  test('are computed as usual where they cannot be captured, with one line that says why', async () => {
    const [model, image] = [ofLayer(new Reading({})), noise(40, 40)];
    const warnings: string[] = [];
    const how = {tile: 7, overlap: 0, onWarning: (message: string) => void warnings.push(message)};
    const refused = await watched(model, image, how);
    expect(refused.status).toMatchObject({state: 'eager', graphs: 0});
    expect(warnings).toEqual([expect.stringMatching(/^upscale: tiles are computed op by op, not as one call: .*read/)]);
    expect(refused.values).toEqual((await watched(model, image, {...how, capture: false})).values);
    expect(warnings).toHaveLength(1);
    image.dispose();
    model.dispose();
  });

  test('that are not finite are refused, and nothing stays', async () => {
    const model = ofLayer(new Diverged({}));
    const image = tf.tidy(() => tf.concat([tf.zeros<tf.Rank.R3>([60, 20, 3]), tf.ones<tf.Rank.R3>([4, 20, 3])]));
    const before = tf.memory().numTensors;
    await expect(upscale(model, image, {tile: 4, overlap: 0, onWarning: refuse})).rejects.toThrow(
      'upscale: of this picture the model makes Infinity',
    );
    expect(tf.memory().numTensors).toBe(before);
    image.dispose();
    model.dispose();
  });

  // As height, width and overlap, of which each gives tiles of another shape; an ensemble has those that are turned too.
  test.each<[string, boolean, [number, number, number][]]>([
    ['pictures', false, [0, 1, 2, 3, 4, 5].map(overlap => [30, 30, overlap])],
    ['ensembles', true, [[30, 30, 1], [30, 26, 2], [30, 26, 0]]], // prettier-ignore
  ])('of %s of many shapes have few graphs at a time, all of which are freed', async (_, ensemble, pictures) => {
    const model = compactGenerator({scale: 2, filters: 16, convolutions: 1, seed: 1});
    const runner = new TileRunner(model, {ensemble, onWarning: refuse});
    const capture = jest.spyOn(stepCapturer()!, 'capture');
    const {binding} = tf.backend() as unknown as {binding: {loadSavedModel(): number; deleteSavedModel(): void}};
    const open = {count: 0, most: 0};
    const shadow = Object.create(binding) as typeof binding;
    Object.assign(tf.backend(), {
      binding: Object.defineProperties(shadow, {
        loadSavedModel: {
          value: (...args: []) => {
            open.most = Math.max(open.most, ++open.count);
            return binding.loadSavedModel(...args);
          },
        },
        deleteSavedModel: {
          value: (...args: []) => {
            open.count--;
            binding.deleteSavedModel(...args);
          },
        },
      }),
    });
    try {
      const before = tf.memory().numTensors;
      for (const [height, width, overlap] of pictures) {
        const image = noise(height, width);
        const how = {tile: 8, overlap, ensemble};
        const usual = await upscale(model, image, {...how, capture: false});
        const picture = {data: await image.data(), height, width, channels: 3, white: 1};
        const got: number[] = [];
        for await (const {data} of upscaleInStrips(model, picture, how, runner).strips) got.push(...data);
        expectClose(got, await usual.data(), 1e-5);
        tf.dispose([image, usual]);
      }
      runner.dispose();
      expect(tf.memory().numTensors).toBe(before);
      expect(capture).toHaveBeenCalledTimes(2);
      expect(open).toEqual({count: 0, most: ensemble ? 3 : 4});
    } finally {
      Object.assign(tf.backend(), {binding});
      capture.mockRestore();
    }
    model.dispose();
  });
});

describeOnTensorFlow('pictures of few tiles', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  test('of a folder are many together', async () => {
    const model = generator();
    const items = (out: string) =>
      ['a', 'b'].map(name => ({input: inFolder(`${name}.png`), output: inFolder(`${out}-${name}.png`), done: false}));
    for (const [i, {input}] of items('').entries())
      writePng(input, 30, 30, (x, y) => [x * 8, y * 8, (x * y + 90 * i) % 256]);
    const before = tf.memory().numTensors;
    const capture = jest.spyOn(stepCapturer()!, 'capture');
    const how = {tile: 10, overlap: 4, onWarning: refuse};
    expect(await upscaleItems(model, items('captured'), how)).toBe(0);
    expect(capture).toHaveBeenCalledTimes(1);
    expect((capture.mock.results[0]!.value as {status: CaptureStatus}).status).toMatchObject({graphs: 0});
    expect(await upscaleItems(model, items('usual'), {...how, capture: false})).toBe(0);
    expect(capture).toHaveBeenCalledTimes(1);
    expect(tf.memory().numTensors).toBe(before);
    capture.mockRestore();
    for (const [i, {output}] of items('captured').entries()) {
      const [got, expected] = [await decodeImage(output), await decodeImage(items('usual')[i]!.output)];
      expect(new Set(expected.data).size).toBeGreaterThan(10);
      got.data.forEach((value, k) => expect(Math.abs(value - expected.data[k]!)).toBeLessThanOrEqual(1));
    }
    model.dispose();
  });

  test('are measured captured by whoever has a runner, and not by training', async () => {
    const [model, truth] = [compactGenerator({scale: 2, filters: 8, convolutions: 0, seed: 1}), noise(600, 600)];
    const [low, bicubic] = [noise(300, 300), noise(600, 600)];
    const photo = {file: 'noise', size: {width: 600, height: 600}, truth, low, bicubic};
    const capture = jest.spyOn(stepCapturer()!, 'capture');
    const {model: usual} = await evaluatePhoto(model, photo, 2);
    expect(capture).toHaveBeenCalledTimes(0);
    const runner = new TileRunner(model, {onWarning: refuse});
    const {model: captured} = await evaluatePhoto(model, photo, 2, runner);
    expect(capture).toHaveBeenCalledTimes(1);
    runner.dispose();
    capture.mockRestore();
    expect(captured.psnrY).toBeCloseTo(usual.psnrY, 4);
    tf.dispose([truth, low, bicubic]);
    model.dispose();
  });
});

describeOnBackends('many tiles', () => {
  test('are told of nowhere', async () => {
    const [model, image] = [generator(), noise(30, 30)];
    const before = tf.memory().numTensors;
    const result = await upscale(model, image, {tile: 6, overlap: 2, onWarning: refuse});
    expect(tf.memory().numTensors).toBe(before + 1);
    const usual = await upscale(model, image, {tile: 6, overlap: 2, capture: false});
    expectClose(Array.from(await result.data()), Array.from(await usual.data()), 1e-5);
    tf.dispose([image, result, usual]);
    model.dispose();
  });
});
