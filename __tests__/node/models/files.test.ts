import * as tf from '@tensorflow/tfjs';
import {readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import fs from 'node:fs/promises';
import {esrganGenerator} from 'tfjs-ragan';
import {loadModel, saveModel} from 'tfjs-ragan/node';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const folder = inFolder('run', 'model');
const generator = (seed: number) => esrganGenerator({scale: 2, filters: 4, growth: 2, blocks: 1, seed});
const weightsOf = (model: tf.LayersModel) => model.weights.map(weight => weight.read().arraySync());
const json = () => JSON.parse(readFileSync(`${folder}/model.json`, 'utf8')) as Record<string, unknown>;

beforeAll(() => tf.setBackend('cpu'));

test('a model comes back as it was; saving leaks nothing and leaves other files alone', async () => {
  const models = [generator(1), generator(2)];
  const before = tf.memory().numTensors;
  await saveModel(models[0]!, folder);
  writeFileSync(`${folder}/notes.txt`, 'mine');
  await saveModel(models[1]!, folder);
  expect(tf.memory().numTensors).toBe(before);
  expect(readdirSync(folder).sort()).toEqual(['model.json', 'notes.txt', 'weights.bin']);
  const loaded = await loadModel(folder);
  expect(weightsOf(loaded)).toEqual(weightsOf(models[1]!));
  const image = tf.randomUniform([1, 5, 6, 3], 0, 1, 'float32', 1);
  const [a, b] = [models[1]!, loaded].map(model => (model.predict(image) as tf.Tensor).arraySync());
  expect(a).toEqual(b);
});

test.each([0, 1])('a save that fails leaves the last model as it was (write %s)', async good => {
  await saveModel(generator(1), folder);
  const before = readdirSync(folder);
  const original = fs.writeFile;
  let calls = 0;
  const spy = jest.spyOn(fs, 'writeFile').mockImplementation(async (path, data) => {
    if (calls++ < good) return original(path, data);
    await original(path, 'half');
    throw Object.assign(new Error('ENOSPC'), {code: 'ENOSPC'});
  });
  const file = ['weights.bin', 'model.json'][good];
  await expect(saveModel(generator(2), folder)).rejects.toThrow(
    `cannot write ${folder}/${file}: no space is left on the disk`,
  );
  spy.mockRestore();
  expect(readdirSync(folder)).toEqual(before);
  expect(weightsOf(await loadModel(folder))).toEqual(weightsOf(generator(1)));
});

test.each([NaN, Infinity])('a model of %s is neither saved nor loaded, and the last one stays', async bad => {
  const model = generator(1);
  await saveModel(model, folder);
  const files = () => readdirSync(folder).map(name => readFileSync(`${folder}/${name}`, 'base64'));
  const before = files();
  const last = model.weights.at(-1)!;
  tf.tidy(() => {
    last.write(tf.fill(last.shape as number[], bad));
  });
  const tensors = tf.memory().numTensors;
  await expect(saveModel(model, folder)).rejects.toThrow(
    `cannot save a model to ${folder}: its weight ${last.originalName} holds ${bad}`,
  );
  expect(files()).toEqual(before);

  const weights = readFileSync(`${folder}/weights.bin`);
  weights.writeFloatLE(bad, 8);
  writeFileSync(`${folder}/weights.bin`, weights);
  await expect(loadModel(folder)).rejects.toThrow(
    `cannot load a model from ${folder}/model.json: its weight ${model.weights[0]!.originalName} holds ${bad}, ` +
      'so its training has diverged; train again with smaller learning rates',
  );
  expect(tf.memory().numTensors).toBe(tensors);
});

test('layers that are not registered are named with the way out, and weights are read from the folder alone', async () => {
  await saveModel(generator(1), folder);
  const whole = json();
  const refused = async (changed: unknown, reason: string) => {
    writeFileSync(`${folder}/model.json`, JSON.stringify(changed));
    await expect(loadModel(folder)).rejects.toThrow(`cannot load a model from ${folder}/model.json: ${reason}`);
  };
  await refused(
    JSON.parse(JSON.stringify(whole).replace('"LeakyReLU"', '"Telescope"')),
    'its layer Telescope is none that TensorFlow.js has; if it is yours, call ' +
      'tf.serialization.registerClass(Telescope) before loading, and if it comes from Python, write such a class first',
  );
  const [group] = whole.weightsManifest as {paths: string[]}[];
  for (const file of ['../model/weights.bin', `${folder}/weights.bin`, 'a/../../model/weights.bin', '..']) {
    await refused(
      {...whole, weightsManifest: [{...group, paths: [file]}]},
      `its weights file ${file} is not in its folder`,
    );
  }
});

test('what is missing, damaged or of another kind is named in one line', async () => {
  const path = `${folder}/model.json`;
  const refused = async (reason: string) =>
    expect(loadModel(folder)).rejects.toThrow(`cannot load a model from ${path}: ${reason}`);
  await saveModel(generator(1), folder);
  const whole = json();
  const weights = readFileSync(`${folder}/weights.bin`);

  writeFileSync(`${folder}/weights.bin`, weights.subarray(0, 100));
  await refused(`its weights have 100 bytes instead of ${weights.length}`);
  rmSync(`${folder}/weights.bin`);
  await refused(`cannot read its weights from ${folder}/weights.bin: it does not exist`);
  writeFileSync(`${folder}/weights.bin`, weights);

  for (const [content, reason] of [
    [JSON.stringify({...whole, format: 'graph-model'}), 'it is a graph model, and a layers model is needed'],
    [JSON.stringify({...whole, weightsManifest: undefined}), 'it is not a TensorFlow.js model'],
    ['null', 'it is not a TensorFlow.js model'],
    [JSON.stringify(whole).slice(0, 500), 'it is damaged, or not JSON'],
  ] as const) {
    writeFileSync(path, content);
    await refused(reason);
  }
  rmSync(path);
  await refused('it does not exist');
});
