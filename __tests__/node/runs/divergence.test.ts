import * as tf from '@tensorflow/tfjs';
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import type {TrainSettings} from 'tfjs-ragan/node';
import {DEFAULT_SETTINGS, DivergenceError, readCheckpointState, trainEsrgan} from 'tfjs-ragan/node';
import {describeOnBackends} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

beforeAll(() => {
  for (let i = 0; i < 2; i++) writePng(inFolder('photos', `${i}.png`), 24, 24, (x, y) => placed(y + i, x));
});

const settings = (backend: string, name: string, changed: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  data: inFolder('photos'),
  out: inFolder(backend, name),
  scale: 2,
  filters: 2,
  growth: 2,
  blocks: 1,
  discriminatorFilters: 2,
  patch: 8,
  batch: 1,
  warmupSteps: 2,
  steps: 6,
  sampleEvery: 1000,
  backend,
  ...changed,
});
const left = '10 steps in a row were left out, in the last of them';
const quiet = {onWarning: () => undefined};

describeOnBackends('a run that diverges', backend => {
  test.each<[string, Partial<TrainSettings>, string, number, number]>([
    [
      'by a loss',
      {learningRate: 1e30, steps: 20},
      `${left} discriminatorLoss is NaN, the gradient of the generator's`,
      13,
      2,
    ],
    ['in the warm-up', {warmupLearningRate: 1e30, warmupSteps: 12}, `${left} content is NaN, the gradient`, 11, 0],
    ['in the critic', {discriminatorLearningRate: 1e30, steps: 20}, `${left} discriminatorLoss is NaN`, 13, 2],
    [
      'over several checkpoints',
      {discriminatorLearningRate: 1e30, steps: 20, checkpointEvery: 5},
      `${left} discriminatorLoss is NaN`,
      13,
      2,
    ],
    ['at a checkpoint', {learningRate: 1e30, checkpointEvery: 4}, 'of a picture the model makes NaN', 4, 2],
    ['by a picture', {learningRate: 1e30, sampleEvery: 4}, 'of a picture the model makes NaN (losses', 4, 2],
    ['by its last step', {learningRate: 3e37, steps: 1}, 'of a picture the model makes', 3, 2],
  ])('%s: %j', async (name, changed, message, step, savedStep) => {
    const run = settings(backend, name, changed);
    const before = tf.memory().numTensors;
    const error = await trainEsrgan(run, quiet).then(
      () => undefined,
      (error: unknown) => error as DivergenceError,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error).toMatchObject({step, checkpointStep: savedStep, checkpoint: `${run.out}/checkpoint.bin`});
    expect(error!.message).toContain(`training diverged by step ${step}: ${message}`);
    expect(error!.message).toMatch(
      /checkpoint\.bin is of step \d: go on from it with --resume and smaller learning rates$/,
    );
    expect(error!.message).not.toContain('\n');
    expect(tf.memory().numTensors).toBe(before);
    expect(await readCheckpointState(error!.checkpoint)).toMatchObject({step: savedStep});
    const later = savedStep > 0;
    expect(readdirSync(run.out).sort()).toEqual([
      ...(later ? ['checkpoint-000000.bin'] : []),
      ...['checkpoint.bin', 'log.jsonl'],
      ...(later ? ['samples'] : []),
    ]);
    if (savedStep > 0) expect(readdirSync(`${run.out}/samples`)).toEqual(['after-warm-up.png']);
  });
});

test('a run that diverged goes on from its last good checkpoint with a smaller learning rate', async () => {
  const run = settings('wasm', 'resumed', {learningRate: 1e30});
  await expect(trainEsrgan(run, quiet)).rejects.toThrow(DivergenceError);
  const {finished, summary} = await trainEsrgan({...run, resume: true, learningRate: 1e-3}, quiet);
  expect(finished).toBe(true);
  expect(Object.values(summary.validation.psnrY).every(Number.isFinite)).toBe(true);
  expect(existsSync(`${run.out}/model/model.json`)).toBe(true);
  expect(readFileSync(`${run.out}/log.jsonl`, 'utf8')).not.toContain('null');
});
