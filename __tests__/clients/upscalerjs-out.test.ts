import * as tf from '@tensorflow/tfjs';
import {readdirSync} from 'node:fs';
import {esrganGenerator, spectralNormalization} from 'tfjs-ragan';
import {loadDefaultModel, saveModel} from 'tfjs-ragan/node';
import {PixelShuffle} from '../../src/models/pixel-shuffle.js';
import {activateBackend} from '../support/backends.js';
import {describeInChromium} from '../support/chromium.js';
import {ScriptedPage, bundleForPage} from '../support/page.js';
import {temporaryFolder} from '../support/temporary-folder.js';
import type {Picture} from './upscalerjs-page.js';

const inFolder = temporaryFolder();
const [height, width] = [20, 170];
const picture: Picture = {
  values: Array.from({length: height * width * 3}, (_, i) => (i * i * 37 + i * 11) % 256),
  height,
  width,
};

function shuffled(): tf.LayersModel {
  const kernelInitializer = tf.initializers.randomUniform({minval: 0, maxval: 0.08, seed: 1});
  const convolution = tf.layers.conv2d({filters: 12, kernelSize: 3, padding: 'same', kernelInitializer, inputShape: [null, null, 3]}); // prettier-ignore
  return tf.sequential({layers: [convolution, new PixelShuffle({scale: 2})]});
}

/** What this package makes of the whole picture, from 0 to 255 as UpscalerJS hands it out. */
async function enlarge(model: tf.LayersModel): Promise<number[]> {
  const large = tf.tidy(() => {
    const image = tf.tensor4d(picture.values, [1, height, width, 3]).div(255);
    return (model.predict(image) as tf.Tensor).clipByValue(0, 1).mul(255);
  });
  const values = Array.from(await large.data());
  large.dispose();
  return values;
}

function farthest(a: number[], b: number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

beforeAll(() => activateBackend('wasm'));

describeInChromium('UpscalerJS takes a folder that is written for it', () => {
  let page: ScriptedPage;
  const models: Record<string, () => Promise<tf.LayersModel> | tf.LayersModel> = {
    'the model in the box': loadDefaultModel,
    'an ESRGAN for 2 times': () => esrganGenerator({scale: 2, filters: 4, growth: 3, blocks: 1, seed: 1}),
    'a network with PixelShuffle': shuffled,
  };
  beforeAll(async () => {
    const {code} = await bundleForPage(`export * from './upscalerjs-page.ts'`, __dirname);
    page = new ScriptedPage(code, {model: inFolder('model')});
    await page.open();
  });
  afterAll(() => page?.close());

  test.each(Object.keys(models))(
    '%s, whole and in patches',
    async name => {
      const model = await models[name]!();
      await saveModel(model, inFolder('model'), {format: 'upscalerjs'});
      expect(readdirSync(inFolder('model')).sort()).toEqual(['index.js', 'model.json', 'weights.bin']);
      const expected = await enlarge(model);
      expect(new Set(expected).size).toBeGreaterThan(1000);
      const there = (patches = '') =>
        page.evaluate<number[]>('/plain', `page.enlargeBy('/model/index.js', ${JSON.stringify(picture)}${patches})`);
      expect(farthest(await there(), expected)).toBeLessThan(0.003);
      const {patchSize, padding} = await page.evaluate<{patchSize: number; padding: number}>(
        '/plain',
        `page.exportsOf('/model/index.js')`,
      );
      expect(patchSize).toBeLessThan(width);
      const inPatches = await there(`, ${JSON.stringify({patchSize, padding})}`);
      expect(farthest(inPatches, expected)).toBeLessThan(0.1);
      model.dispose();
    },
    300_000,
  );
});

test.each<[string, () => tf.layers.Layer, string]>([
  ['strides', () => tf.layers.conv2d({filters: 3, kernelSize: 1, strides: 2}), 'the model must make an image a whole'],
  [
    'SpectralNormalization',
    () => spectralNormalization(tf.layers.conv2d({filters: 3, kernelSize: 1})),
    'UpscalerJS has no SpectralNormalization',
  ],
])('a model with %s is refused in one line', async (_, make, reason) => {
  const input = tf.input({shape: [null, null, 3]});
  const model = tf.model({inputs: input, outputs: make().apply(input) as tf.SymbolicTensor});
  await expect(saveModel(model, inFolder('refused'), {format: 'upscalerjs'})).rejects.toThrow(
    `cannot save a model to ${inFolder('refused')}: ${reason}`,
  );
});
