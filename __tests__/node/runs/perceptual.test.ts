import * as tf from '@tensorflow/tfjs';
import {existsSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {DEFAULT_SETTINGS, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {writeSafetensors} from 'tfjs-ragan';
import {savedSettings} from '../../../src/node/runs/resumed-settings.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {vgg19Weights} from '../../support/vgg19.js';

const inFolder = temporaryFolder();
const settings = (changed: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  data: inFolder('photos'),
  ...{scale: 2, filters: 4, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 16, batch: 2},
  ...{warmupSteps: 2, steps: 8, perceptual: inFolder('vgg19.safetensors'), perceptualWeight: 10},
  ...{backend: 'wasm', threads: 1},
  ...changed,
});
const logged = (run: string) =>
  readFileSync(inFolder(run, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as {step: number; stage?: string; perceptual?: number});
const weightsIn = (run: string) => readFileSync(inFolder(run, 'model', 'weights.bin')).toString('base64');

beforeAll(async () => {
  await activateBackend('wasm');
  writeFileSync(inFolder('vgg19.safetensors'), writeSafetensors(vgg19Weights()));
  writePng(inFolder('photos', 'photo.png'), 48, 40, (x, y) => placed(y, x));
});

test('a run learns from VGG19 in the GAN stage, and one that was stopped there goes on with it', async () => {
  const quiet = {onWarning: () => undefined};
  const before = tf.memory().numTensors;
  const whole = await trainEsrgan(settings({out: inFolder('whole')}), quiet);
  expect(whole.finished).toBe(true);
  const lines = logged('whole').filter(({stage}) => stage);
  expect(new Set(lines.map(({stage}) => stage)).size).toBe(2);
  expect(lines.map(({perceptual}) => perceptual !== undefined)).toEqual(lines.map(({stage}) => stage === 'GAN'));
  const abort = new AbortController();
  const onStep = (step: number) => step === 5 && abort.abort();
  await trainEsrgan(settings({out: inFolder('run')}), {...quiet, onStep}, abort.signal);
  expect(await savedSettings(inFolder('run'))).toMatchObject({
    perceptual: inFolder('vgg19.safetensors'),
    perceptualWeight: 10,
  });
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  await trainEsrgan(settings({out: inFolder('run'), resume: true}), {onWarning});
  expect(warnings.join()).not.toContain('perceptual');
  expect(weightsIn('run')).toBe(weightsIn('whole'));
  expect(tf.memory().numTensors).toBe(before);
});

test('a file that is no VGG19 is refused in one line, before anything is written', async () => {
  const tensors = Object.fromEntries(Object.entries(vgg19Weights()).slice(0, 4));
  writeFileSync(inFolder('part.safetensors'), writeSafetensors(tensors));
  writeFileSync(inFolder('text.safetensors'), 'no weights at all');
  renameSync(inFolder('vgg19.safetensors'), inFolder('elsewhere.safetensors'));
  const before = tf.memory().numTensors;
  for (const [file, reason] of [
    [
      'part',
      "weights must hold features.5.weight of shape [128, 64, 3, 3], as torchvision's vgg19 does, but it does not",
    ],
    ['text', 'found 17 bytes that are cut off or of another format'],
    ['vgg19', 'it does not exist'],
  ] as const) {
    const perceptual = inFolder(`${file}.safetensors`);
    const refused = await trainEsrgan(settings({out: inFolder('new'), perceptual})).catch((error: Error) => error);
    expect((refused as Error).message).toContain(`cannot read the weights of VGG19 from ${perceptual}: ${reason}`);
    expect((refused as Error).message).not.toContain('\n');
    expect(existsSync(inFolder('new'))).toBe(false);
  }
  expect(tf.memory().numTensors).toBe(before);
});
