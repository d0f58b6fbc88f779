import * as tf from '@tensorflow/tfjs';
import {cpSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {modelScale, upscale} from 'tfjs-ragan';
import {loadModel, saveModel} from 'tfjs-ragan/node';
import {activateBackend} from '../support/backends.js';
import {describeInChromium} from '../support/chromium.js';
import {ScriptedPage, bundleForPage} from '../support/page.js';
import {temporaryFolder} from '../support/temporary-folder.js';
import {expectClose} from '../support/values.js';
import type {Picture} from './upscalerjs-page.js';

/** Where the models are that are too large to be installed with the tests: see `npm run test:clients`. */
const clients = process.env.TFJS_RAGAN_CLIENTS;
const packages = clients === undefined ? join(__dirname, '../../node_modules') : join(clients, 'node_modules');
const names = [
  'default-model',
  ...['2x', '3x', '4x', '8x'].map(scale => `esrgan-slim/${scale}`),
  ...(clients === undefined ? [] : ['esrgan-medium/2x', 'esrgan-medium/4x', 'esrgan-thick/2x', 'esrgan-thick/4x']),
].map(name => `@upscalerjs/${name}`);

const inFolder = temporaryFolder();
const [height, width] = [9, 12];
const picture: Picture = {
  values: Array.from({length: height * width * 3}, (_, i) => (i * i * 37 + i * 11) % 256),
  height,
  width,
};

/** What this package makes of the picture, from 0 to 255. */
async function enlarge(what: string): Promise<number[]> {
  const model = await loadModel(what);
  const image = tf.tidy(() => tf.tensor3d(picture.values, [height, width, 3]).div<tf.Tensor3D>(255));
  const large = await upscale(model, image);
  const values = Array.from(await large.data(), value => value * 255);
  tf.dispose([image, large]);
  model.dispose();
  return values;
}

/** The layers that UpscalerJS has of its own, as its thick models were made with. */
class MultiplyBeta extends tf.layers.Layer {
  static className = 'MultiplyBeta';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul([inputs].flat()[0]!, 0.2);
  }
}
class PixelShuffle4x extends tf.layers.Layer {
  static className = 'PixelShuffle4x';
  override computeOutputShape(): tf.Shape {
    return [null, null, null, 3];
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.depthToSpace([inputs].flat()[0] as tf.Tensor4D, 4);
  }
}

/** A small network as UpscalerJS's thick ones, in a folder as those of its packages. */
async function writeThick(): Promise<string> {
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
    layer.apply(x) as tf.SymbolicTensor;
  const convolution = (filters: number, seed: number) => {
    const kernelInitializer = tf.initializers.randomUniform({minval: -0.3, maxval: 0.3, seed});
    return tf.layers.conv2d({filters, kernelSize: 3, padding: 'same', kernelInitializer});
  };
  const input = tf.input({shape: [null, null, 3], name: 'LR_input'});
  const shallow = apply(convolution(8, 1), input);
  const residual = apply(new MultiplyBeta({}), apply(convolution(8, 2), shallow));
  const sum = apply(tf.layers.add(), [shallow, residual]);
  const shuffled = apply(new PixelShuffle4x({}), apply(convolution(48, 3), sum));
  const outputs = apply(convolution(3, 4), shuffled);
  await saveModel(tf.model({inputs: input, outputs}), inFolder('thick'));
  return inFolder('thick');
}

beforeAll(() => activateBackend('wasm'));

describeInChromium('a model of UpscalerJS makes of a picture what it makes there', () => {
  let page: ScriptedPage;
  beforeAll(async () => {
    const {code} = await bundleForPage(`export * from './upscalerjs-page.ts'`, __dirname);
    page = new ScriptedPage(code, {packages, own: await writeThick()});
    await page.open();
    // Where the names are looked for.
    if (clients !== undefined) process.chdir(clients);
  });
  afterAll(async () => {
    process.chdir(join(__dirname, '../..'));
    await page?.close();
  });
  const there = (architecture: string, scale: number, url: string) =>
    page.evaluate<number[]>(
      '/plain',
      `page.enlargeAs(${JSON.stringify(architecture)}, ${scale}, '${url}', ${JSON.stringify(picture)})`,
    );

  test.each(names)(
    '%s',
    async name => {
      const model = await loadModel(name);
      const scale = modelScale(model);
      model.dispose();
      expect(scale).toBe(Number(/\d/.exec(name.split('/')[2] ?? '2')![0]));
      const folder = name.replace('/default-model', '/default-model/models').replace(/\/(\d)x$/, '/models/x$1');
      const expected = await there(name.includes('thick') ? 'rrdn' : 'rdn', scale, `/packages/${folder}/model.json`);
      expect(new Set(expected).size).toBeGreaterThan(100);
      expectClose(await enlarge(name), expected, 1e-5);
      // By its folder, and by a copy of that which tells nothing of where it is from.
      cpSync(join(packages, folder), inFolder('copy'), {recursive: true});
      for (const copy of [join(packages, folder), inFolder('copy')]) expectClose(await enlarge(copy), expected, 1e-5);
    },
    300_000,
  );

  test('layers of its own', async () => {
    const expected = await there('rrdn', 4, '/own/model.json');
    expectClose(await enlarge(inFolder('thick')), expected, 1e-5);
  });
});

test('models are saved again in layers that TensorFlow.js and this package have', async () => {
  for (const what of [await writeThick(), '@upscalerjs/default-model']) {
    const model = await loadModel(what);
    const classes = model.layers.map(layer => layer.getClassName());
    expect(classes).toContain('Rescaling');
    expect(classes.filter(name => /Beta|\dx$/.test(name))).toEqual([]);
    await saveModel(model, inFolder('again'));
    model.dispose();
    expectClose(await enlarge(inFolder('again')), await enlarge(what), 1e-6);
  }
});

test('packages are found where the command runs, and what cannot be read is told in one line', async () => {
  const refused = (what: string, reason: string) =>
    expect(loadModel(what)).rejects.toThrow(`cannot load a model from ${what}: ${reason}`);
  await refused(
    '@upscalerjs/esrgan-slim',
    'it has several models: @upscalerjs/esrgan-slim/2x, @upscalerjs/esrgan-slim/3x, @upscalerjs/esrgan-slim/4x, ' +
      '@upscalerjs/esrgan-slim/8x',
  );
  await refused('@upscalerjs/esrgan-slim/5x', 'the package @upscalerjs/esrgan-slim has no such model');
  await refused(
    '@upscalerjs/nothing/2x',
    'the package @upscalerjs/nothing is not installed here; npm install --legacy-peer-deps @upscalerjs/nothing',
  );
  const slim = join(packages, '@upscalerjs/esrgan-slim');
  await refused(slim, 'it has several models: models/x2, models/x3, models/x4, models/x8');

  // Each under another name: what one of them exported is remembered.
  const define = (base: string, definition: object) => {
    const folder = inFolder('node_modules', '@upscalerjs', base);
    mkdirSync(folder, {recursive: true});
    writeFileSync(join(folder, 'package.json'), `{"name": "@upscalerjs/${base}", "main": "index.cjs"}`);
    writeFileSync(join(folder, `index.cjs`), `module.exports = ${JSON.stringify(definition)};`);
  };
  const before = process.cwd();
  process.chdir(inFolder('.'));
  const whole = {modelType: 'layers', _internals: {path: 'models/model.json'}};
  try {
    for (const [base, definition, reason] of [
      ['graph', {...whole, modelType: 'graph'}, 'it is a graph model, and a layers model is needed'],
      ['negative', {...whole, inputRange: [-1, 1]}, 'its values go from -1 to 1, and [0, 1] or [0, 255] would be read'],
      ['before', {...whole, preprocess: 1}, 'it computes something before or after its layers, which is not done here'],
      ['nothing-in-it', {}, 'it exports no model'],
    ] as const) {
      define(base, definition);
      await refused(`@upscalerjs/${base}`, reason);
    }
  } finally {
    process.chdir(before);
  }
});
