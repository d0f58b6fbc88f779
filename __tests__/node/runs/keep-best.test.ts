import * as tf from '@tensorflow/tfjs';
import {existsSync, readFileSync} from 'node:fs';
import {DEFAULT_SETTINGS, loadModel, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {disposePhotos} from '../../../src/node/runs/evaluation.js';
import {measure} from '../../../src/node/runs/run-scores.js';
import {listRunPhotos} from '../../../src/node/runs/photos.js';
import {validationPhotos} from '../../../src/node/runs/validation-photos.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const settings = (changed: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  ...{
    data: inFolder('photos'),
    scale: 2,
    filters: 4,
    growth: 2,
    blocks: 1,
    discriminatorFilters: 2,
    patch: 16,
    batch: 2,
  },
  // The second stage makes the scores worse: pixels hardly count in it.
  ...{warmupSteps: 12, steps: 8, contentWeight: 1e-4, adversarialWeight: 1, learningRate: 1e-2},
  ...{checkpointEvery: 4, sampleEvery: 0, backend: 'wasm', threads: 1, keepBest: 'psnrY'},
  ...changed,
});
const quiet = {onWarning: () => undefined};

beforeAll(async () => {
  await activateBackend('wasm');
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
});

test('train keeps the best checkpoint and its model, also where it was stopped and resumed', async () => {
  const before = tf.memory().numTensors;
  const whole = settings({out: inFolder('whole')});
  await trainEsrgan(whole, quiet);
  const logged = readFileSync(inFolder('whole', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as {step: number; stage?: string; psnrY?: number});
  const measured = logged.filter(({stage, psnrY}) => stage && psnrY !== undefined);
  expect(measured.map(({step}) => step)).toEqual([0, 4, 8, 12, 16, 20]);
  const best = measured.reduce((one, other) => (other.psnrY! > one.psnrY! ? other : one));
  expect(best.step).toBe(12);

  const generator = await loadModel(inFolder('whole', 'best'));
  const listed = await listRunPhotos(whole, quiet.onWarning);
  const {photos} = await validationPhotos(whole, listed, quiet.onWarning);
  expect((await measure(generator, photos, 2)).model.psnrY).toBeCloseTo(best.psnrY!, 4);
  disposePhotos(photos);
  generator.dispose();

  for (const [stop, resume] of [
    [10, false],
    [15, true],
    [Infinity, true],
  ] as const) {
    const abort = new AbortController();
    const onStep = (step: number) => step === stop && abort.abort();
    await trainEsrgan(settings({out: inFolder('parts'), resume}), {...quiet, onStep}, abort.signal);
  }
  const model = (run: string) => readFileSync(inFolder(run, 'best', 'weights.bin'));
  expect(model('parts').equals(model('whole'))).toBe(true);
  expect(existsSync(inFolder('parts', 'checkpoint-best.bin'))).toBe(true);
  expect(tf.memory().numTensors).toBe(before);
});

test('the best on other photos is none', async () => {
  const abort = new AbortController();
  const onStep = (step: number) => step === 14 && abort.abort();
  await trainEsrgan(settings({out: inFolder('other')}), {...quiet, onStep}, abort.signal);
  const file = inFolder('other', 'best', 'weights.bin');
  const before = readFileSync(file);
  // Such as no model scores well on.
  writePng(inFolder('hard', 'noise.png'), 48, 40, (x, y) => [
    (x * 97 + y * 57) % 251,
    (x * 31 + y * 83) % 241,
    (x * y) % 239,
  ]);
  await trainEsrgan(settings({out: inFolder('other'), resume: true, validation: inFolder('hard')}), quiet);
  expect(readFileSync(file).equals(before)).toBe(false);
});

test('without it a run measures at its three points alone', async () => {
  const plain = settings({out: inFolder('plain'), warmupSteps: 4, steps: 4});
  delete plain.keepBest;
  await trainEsrgan(plain, quiet);
  expect(existsSync(inFolder('plain', 'best'))).toBe(false);
  expect(existsSync(inFolder('plain', 'checkpoint-best.bin'))).toBe(false);
  await expect(trainEsrgan(settings({out: inFolder('no'), keepBest: 'psnr' as 'psnrY'}), quiet)).rejects.toThrow(
    '--keep-best must be psnrY, ssimY or sharpness, but it is "psnr"',
  );
});
