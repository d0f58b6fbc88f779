import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {compactGenerator, esrganGenerator} from 'tfjs-ragan';
import {loadModel, saveModel} from 'tfjs-ragan/node';
import {activateBackend} from '../support/backends.js';
import {readGoldens} from '../support/golden.js';
import {temporaryFolder} from '../support/temporary-folder.js';
import {expectClose} from '../support/values.js';

// spandrel, the library with which PyTorch programs open models of super-resolution, needs PyTorch: `npm run test:clients`
// asks it, and what it once found is kept for everybody else.

interface Opened {
  architecture: string;
  scale: number;
  tags: string[];
  output: number[];
}
interface Picture {
  inputShape: [number, number, number, number];
  input: number[];
}

const golden = readGoldens<Opened & Picture & {sha256: string}>('nets/spandrel');
const clients = process.env.TFJS_RAGAN_CLIENTS;
const inFolder = temporaryFolder();

function openWithSpandrel(file: string, {inputShape, input}: Picture = golden): Opened {
  const script = join(__dirname, '../support/open-with-spandrel.py');
  const python = join(clients!, 'python/bin/python');
  return JSON.parse(
    execFileSync(python, [script, file], {encoding: 'utf8', input: JSON.stringify({inputShape, input})}),
  ) as Opened;
}

async function outputOf(model: tf.LayersModel, {inputShape, input}: Picture = golden): Promise<number[]> {
  const output = tf.tidy(() => model.predict(tf.tensor4d(input, inputShape)) as tf.Tensor);
  const values = Array.from(await output.data());
  output.dispose();
  return values;
}

/** An ESRGAN of weights that every machine makes alike, and that 16 bits hold as they are. */
function knownNetwork(): tf.LayersModel {
  const model = esrganGenerator({scale: 4, filters: 6, growth: 4, blocks: 1});
  tf.tidy(() => {
    model.setWeights(
      model.weights.map(({shape}, k) => {
        const size = tf.util.sizeFromShape(shape as number[]);
        const values = Float32Array.from({length: size}, (_, i) => (((i * 37 + k * 11) % 129) - 64) / 512);
        return tf.tensor(values, shape as number[]);
      }),
    );
  });
  return model;
}

async function writeKnown(): Promise<string> {
  const model = knownNetwork();
  await saveModel(model, inFolder('known.safetensors'), {format: 'safetensors', weights: 'float16'});
  model.dispose();
  return inFolder('known.safetensors');
}

beforeAll(() => activateBackend('wasm'));

test('an ESRGAN is written as spandrel has read it, and computes the same there', async () => {
  const bytes = readFileSync(await writeKnown());
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(golden.sha256);
  expect([golden.architecture, golden.scale]).toEqual(['ESRGAN', 4]);
  expect(new Set(golden.output).size).toBeGreaterThan(1000);
  for (const model of [knownNetwork(), await loadModel(inFolder('known.safetensors'))]) {
    expectClose(await outputOf(model), golden.output, 1e-5);
    model.dispose();
  }
});

// It needs spandrel, by `npm run test:clients`.
(clients === undefined ? describe.skip : describe)('spandrel', () => {
  test('still reads it as it did', async () => {
    const {output, ...opened} = openWithSpandrel(await writeKnown());
    expect(golden).toMatchObject(opened);
    expectClose(output, golden.output, 1e-5);
  });

  test.each([
    [1, 'float32'],
    [2, 'float32'],
    [2, 'bfloat16'],
    [4, 'float16'],
    [8, 'float32'],
  ] as const)(
    'opens an ESRGAN for %i times with weights of %s',
    async (scale, weights) => {
      const model = esrganGenerator({scale, filters: 6, growth: 4, blocks: 2, seed: 1});
      await saveModel(model, inFolder('own.safetensors'), {format: 'safetensors', weights});
      model.dispose();
      const loaded = await loadModel(inFolder('own.safetensors'));
      const opened = openWithSpandrel(inFolder('own.safetensors'));
      expect(opened.scale).toBe(scale);
      expectClose(opened.output, await outputOf(loaded), 1e-5);
      loaded.dispose();
    },
    120_000,
  );

  test.each<[string, string, number, () => tf.LayersModel]>([
    [
      'ESRGAN',
      'an ESRGAN for 1 time with pixel unshuffle',
      1,
      () => esrganGenerator({scale: 1, pixelUnshuffle: 4, filters: 6, growth: 4, blocks: 1, seed: 1}),
    ],
    [
      'ESRGAN',
      'an ESRGAN for 2 times with pixel unshuffle',
      2,
      () => esrganGenerator({scale: 2, pixelUnshuffle: 2, filters: 6, growth: 4, blocks: 1, seed: 1}),
    ],
    [
      'RealESRGAN Compact',
      'a compact network for 3 times',
      3,
      () => compactGenerator({scale: 3, filters: 6, convolutions: 2, seed: 1}),
    ],
  ])(
    'opens, as %s, %s',
    async (architecture, _, scale, make) => {
      const model = make();
      await saveModel(model, inFolder('own.safetensors'), {format: 'safetensors'});
      const picture: Picture = {inputShape: [1, 4, 4, 3], input: golden.input.slice(0, 48)};
      const opened = openWithSpandrel(inFolder('own.safetensors'), picture);
      expect([opened.architecture, opened.scale]).toEqual([architecture, scale]);
      expectClose(opened.output, await outputOf(model, picture), 1e-5);
      model.dispose();
    },
    120_000,
  );
});
