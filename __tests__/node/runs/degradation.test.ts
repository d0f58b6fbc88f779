import {readFileSync} from 'node:fs';
import {DEFAULT_SETTINGS, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const settings = (out: string, changed: Partial<TrainSettings> = {}): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  ...{filters: 4, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 16, batch: 2, warmupSteps: 2, steps: 2},
  ...{data: inFolder('photos'), out: inFolder(out), backend: 'wasm', threads: 1, degradation: 'real-esrgan'},
  ...changed,
});
const run = async (options: TrainSettings, stopAt?: number) => {
  const abort = new AbortController();
  const onStep = (step: number) => step === stopAt && abort.abort();
  await trainEsrgan(options, {onStep, onWarning: () => undefined}, abort.signal);
};
const weights = (out: string) => readFileSync(inFolder(out, 'model', 'weights.bin')).toString('base64');

test('a run of degraded photos goes on as one that was not stopped, and only with its degradation', async () => {
  await activateBackend('wasm');
  for (let i = 0; i < 2; i++) writePng(inFolder('photos', `${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
  await run(settings('whole'));
  await run(settings('stopped'), 3);
  await run(settings('stopped', {resume: true}));
  expect(weights('stopped')).toBe(weights('whole'));
  await run(settings('plain', {degradation: 'bicubic'}));
  expect(weights('plain')).not.toBe(weights('whole'));
  await expect(run(settings('whole', {resume: true, degradation: 'bicubic'}))).rejects.toThrow(
    `cannot resume with --degradation bicubic: the run in ${inFolder('whole')} has real-esrgan`,
  );
});

test('it is for photos, not for pairs, and a known one', async () => {
  const pairs = settings('none', {pairs: ['a', 'b']});
  delete pairs.data;
  await expect(run(pairs)).rejects.toThrow(
    '--degradation real-esrgan is for --data: --pairs have low-resolution sides of their own',
  );
  await expect(run(settings('none', {degradation: 'rain' as never}))).rejects.toThrow(
    '--degradation must be bicubic or real-esrgan, but it is "rain"',
  );
});
