import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fs from 'node:fs/promises';
import {cpSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {DEFAULT_SETTINGS, loadModel, saveModel, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {GAN, esrganGenerator} from 'tfjs-ragan';
import {PixelShuffle} from '../../../src/models/pixel-shuffle.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {expectClose} from '../../support/values.js';

const inFolder = temporaryFolder();
const settings = (changed: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  data: inFolder('photos'),
  out: inFolder('run'),
  scale: 2,
  filters: 4,
  growth: 2,
  blocks: 1,
  discriminatorFilters: 2,
  patch: 16,
  batch: 2,
  warmupSteps: 20,
  steps: 15,
  backend: 'wasm',
  threads: 1,
  ...changed,
});
const logged = (run: string) =>
  readFileSync(inFolder(run, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as {step: number; stage?: string; content?: number});
const weightsIn = (run: string) => readFileSync(inFolder(run, 'model', 'weights.bin')).toString('base64');

beforeAll(async () => {
  await activateBackend('wasm');
  // More broken ones come first than photos are measured on.
  for (let i = 0; i < 8; i++) writeFileSync(inFolder('photos', `broken-${i}.png`), 'no picture');
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
});

test('a run names each broken photo once, leaves no tensors, and ends as one that was stopped and resumed', async () => {
  const before = tf.memory().numTensors;
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const whole = await trainEsrgan(settings({out: inFolder('whole')}), {onWarning});
  expect(whole).toMatchObject({finished: true, step: 35});
  expect(warnings.map(message => /broken-\d/.exec(message)![0]).sort()).toEqual(
    Array.from({length: 8}, (_, i) => `broken-${i}`),
  );

  // Stopped in each stage, and killed in the middle of a line of the log.
  let resume = false;
  for (const stop of [7, 27]) {
    const abort = new AbortController();
    const onStep = (step: number) => step === stop && abort.abort();
    const stopped = await trainEsrgan(settings({resume}), {onStep, onWarning}, abort.signal);
    expect(stopped).toMatchObject({finished: false, step: stop});
    writeFileSync(inFolder('run', 'log.jsonl'), `{"step": ${stop + 5}, "stage": "warm-up", "content": 9}\n{"st`, {
      flag: 'a',
    });
    resume = true;
  }
  const resumed = await trainEsrgan(settings({resume}), {onWarning});
  expect(resumed.step).toBe(35);
  expect(weightsIn('run')).toBe(weightsIn('whole'));
  const {validation} = resumed.summary;
  expect(validation).toEqual(whole.summary.validation);
  const steps = logged('run')
    .filter(({stage}) => stage)
    .map(({step}) => step);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(logged('run').some(({content}) => content === 9)).toBe(false);
  expect(tf.memory().numTensors).toBe(before);
});

test('a run in micro-batches, with activations that are recomputed, learns what whole batches teach', async () => {
  const short = {warmupSteps: 6, steps: 4};
  await trainEsrgan(settings({...short, out: inFolder('batches')}), {onWarning: () => undefined});
  await trainEsrgan(settings({...short, out: inFolder('parts'), microBatch: 1, recompute: true}), {
    onWarning: () => undefined,
  });
  const [whole, parts] = ['batches', 'parts'].map(run => logged(run).flatMap(({content}) => content ?? []));
  expect(whole!.length).toBeGreaterThan(0);
  expectClose(parts!, whole!, 1e-3);
});

test('a run that cannot begin leaves neither folder nor tensors, one that cannot go on leaves its checkpoint', async () => {
  await saveModel(esrganGenerator({scale: 2, filters: 6, growth: 2, blocks: 1}), inFolder('other'));
  const before = tf.memory().numTensors;
  const init = inFolder('other');
  const quiet = {onWarning: () => undefined};
  await expect(trainEsrgan(settings({out: inFolder('new'), init}), quiet)).rejects.toThrow(
    `cannot start from ${init}: it holds another network`,
  );
  expect(readdirSync(inFolder('.'))).not.toContain('new');
  await expect(trainEsrgan(settings({resume: true, growth: 3}), quiet)).rejects.toThrow(
    `cannot resume with --growth 3: the run in ${inFolder('run')} has 2`,
  );
  const checkpoints = readdirSync(inFolder('run')).filter(name => name.startsWith('checkpoint'));
  for (const name of checkpoints) truncateSync(inFolder('run', name), 5000);
  await expect(trainEsrgan(settings({resume: true}), quiet)).rejects.toThrow('it is damaged or cut short');
  expect(readdirSync(inFolder('run'))).not.toContain('run.lock');
  expect(tf.memory().numTensors).toBe(before);
});

test("a run starts from Real-ESRGAN's networks, whatever the sizes say, and goes on with one", async () => {
  const files = ['rrdb_x2_unshuffle', 'compact_x2'].map(name =>
    join(__dirname, `../../goldens/nets/${name}.safetensors`),
  );
  for (const [i, init] of files.entries()) {
    const out = inFolder(`from-pytorch-${i}`);
    for (const resume of [false, true]) {
      const abort = new AbortController();
      const onStep = (step: number) => step === 2 && !resume && abort.abort();
      const started = settings({out, init, resume, warmupSteps: 2, steps: 1});
      const {step} = await trainEsrgan(started, {onWarning: () => undefined, onStep}, abort.signal);
      expect(step).toBe(resume ? 3 : 2);
    }
    const [trained, start] = [await loadModel(join(out, 'model')), await loadModel(init)];
    const kinds = (model: tf.LayersModel) => model.layers.map(layer => layer.getClassName());
    expect(kinds(trained)).toEqual(kinds(start));
    const [kernel, before] = [trained, start].map(model => model.getWeights()[0]!.dataSync());
    expect(kernel).not.toEqual(before);
    expectClose(Array.from(kernel!), Array.from(before!), 0.1);
    trained.dispose();
    start.dispose();
  }
});

test("a run starts from any network, and goes on with it; one that doesn't fit is refused", async () => {
  const input = tf.input({shape: [null, null, 3]});
  const convolution = (filters: number) => tf.layers.conv2d({filters, kernelSize: 3, padding: 'same'});
  const features = convolution(12).apply(input) as tf.SymbolicTensor;
  const outputs = new PixelShuffle({scale: 2}).apply(features) as tf.SymbolicTensor;
  const foreign = tf.model({inputs: input, outputs});
  const init = inFolder('foreign');
  await saveModel(foreign, init);
  const quiet = {onWarning: () => undefined};
  const out = inFolder('from-foreign');
  await expect(trainEsrgan(settings({out, init, scale: 4}), quiet)).rejects.toThrow(
    `cannot start from ${init}: it enlarges 2 times; add --scale 2`,
  );
  const before = tf.memory().numTensors;
  for (const resume of [false, true]) {
    const abort = new AbortController();
    const onStep = (step: number) => step === 22 && !resume && abort.abort();
    const {step} = await trainEsrgan(settings({out, init, resume}), {...quiet, onStep}, abort.signal);
    expect(step).toBe(resume ? 35 : 22);
    // What it starts from is needed no more.
    rmSync(init, {recursive: true, force: true});
  }
  expect(tf.memory().numTensors).toBe(before);
  const trained = await loadModel(inFolder('from-foreign', 'model'));
  expect(trained.layers.map(layer => layer.getClassName())).toEqual(['InputLayer', 'Conv2D', 'PixelShuffle']);
  const [kernel, start] = [trained, foreign].map(model => Array.from(model.weights[0]!.read().dataSync()));
  const moved = Math.max(...kernel!.map((value, i) => Math.abs(value - start![i]!)));
  expect(moved).toBeGreaterThan(1e-3);
});

test('a run starts from the model of another run', async () => {
  const short = {warmupSteps: 1, steps: 0};
  await trainEsrgan(settings({...short, out: inFolder('first')}), {onWarning: () => undefined});
  const rates = {warmupLearningRate: 1e-12, seed: 9};
  const second = settings({...short, ...rates, out: inFolder('second'), init: inFolder('first')});
  await trainEsrgan(second, {onWarning: () => undefined});
  const weights = async (run: string) => {
    const model = await loadModel(inFolder(run, 'model'));
    const values = model.getWeights().flatMap(weight => Array.from(weight.dataSync()));
    model.dispose();
    return values;
  };
  expectClose(await weights('second'), await weights('first'), 1e-6);
});

test('a run that is stopped before its first step has something to show and to resume', async () => {
  const abort = new AbortController();
  abort.abort();
  const {finished, step, summary} = await trainEsrgan(
    settings({out: inFolder('at-once')}),
    {onWarning: () => undefined},
    abort.signal,
  );
  expect([finished, step, summary.imagesPerSecond]).toEqual([false, 0, 0]);
  expect(readdirSync(inFolder('at-once')).sort()).toEqual([
    'checkpoint.bin',
    'log.jsonl',
    'model',
    'report.html',
    'summary.json',
  ]);
});

test('an end that training goes on from is none, and scores of other photos are not mixed', async () => {
  const out = inFolder('longer');
  const quiet = {onWarning: () => undefined};
  const short = {out, warmupSteps: 3, steps: 2};
  const {summary: ended} = await trainEsrgan(settings(short), quiet);
  expect(ended.validation.psnrY).toHaveProperty('end');

  const abort = new AbortController();
  const more = {...short, steps: 20, resume: true};
  const stopped = await trainEsrgan(settings(more), {...quiet, onStep: () => abort.abort()}, abort.signal);
  expect(Object.keys(stopped.summary.validation.psnrY).sort()).toEqual(['afterWarmup', 'bicubic', 'start']);
  expect(readdirSync(join(out, 'samples')).sort()).toEqual(['after-warm-up.png', 'step-000005.png']);
  expect(logged('longer').filter(record => 'evaluation' in record)).toHaveLength(2);

  const other = inFolder('others');
  for (let i = 0; i < 2; i++) writePng(inFolder('others', `other-${i}.png`), 48, 48, (x, y) => placed(x, y * (i + 1)));
  const elsewhere = {...more, steps: 4, validation: other};
  const {summary} = await trainEsrgan(settings(elsewhere), quiet);
  expect(Object.keys(summary.validation.psnrY).sort()).toEqual(['bicubic', 'end']);
});

test('each step is told of after it is taken, and sheets and checkpoints come at multiples of what was asked for', async () => {
  const fit = jest.spyOn(GAN.prototype, 'fitDataset');
  const model = esrganGenerator({scale: 2, filters: 4, growth: 2, blocks: 1, seed: DEFAULT_SETTINGS.seed});
  const first = async ({weights}: tf.LayersModel) => (await weights[0]!.read().data()).join();
  const untrained = await first(model);
  const afterFirst: Promise<string>[] = [];
  const steps: number[] = [];
  let startedAt = 0;
  const run = settings({out: inFolder('multiples'), warmupSteps: 25, steps: 10, sampleEvery: 15, checkpointEvery: 3});
  await trainEsrgan(run, {
    onWarning: () => undefined,
    onEvaluation: point => (startedAt = point === 'start' ? Date.now() : startedAt),
    onStep: (step, _, {imagesPerSecond, secondsLeft}) => {
      if (step === 1) afterFirst.push(first((fit.mock.contexts[0] as GAN).generator));
      steps.push(step);
      const elapsed = (Date.now() - startedAt) / 1000;
      expect((step * run.batch) / imagesPerSecond).toBeLessThanOrEqual(elapsed + 0.002);
      expect(secondsLeft).toBeCloseTo((35 - step) * (run.batch / imagesPerSecond), 6);
    },
  });
  fit.mockRestore();
  expect(await afterFirst[0]).not.toBe(untrained);
  expect(steps).toEqual(Array.from({length: 35}, (_, i) => i + 1));
  expect(readdirSync(inFolder('multiples', 'samples')).sort()).toEqual([
    'after-warm-up.png',
    'end.png',
    'step-000015.png',
    'step-000030.png',
  ]);
  model.dispose();
});

describe('a run whose disk fails', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC'});
  const quiet = {onWarning: () => undefined};

  test('at the first checkpoint does no work, and leaves nothing', async () => {
    const before = tf.memory().numTensors;
    const spy = jest.spyOn(fs, 'rename').mockImplementation(async (from, to) => {
      if (String(to).endsWith('checkpoint.bin')) throw full;
      await fs.copyFile(from, to);
      await fs.rm(from);
    });
    const onEvaluation = jest.fn();
    await expect(trainEsrgan(settings({out: inFolder('none')}), {...quiet, onEvaluation})).rejects.toThrow(
      `cannot write ${inFolder('none')}/checkpoint.bin: no space is left on the disk`,
    );
    spy.mockRestore();
    expect(onEvaluation).not.toHaveBeenCalled();
    expect(readdirSync(inFolder('.'))).not.toContain('none');
    expect(tf.memory().numTensors).toBe(before);
  });

  test('at the first line of its log can be resumed', async () => {
    const before = tf.memory().numTensors;
    const spy = jest.spyOn(fs, 'appendFile').mockImplementation(file => {
      writeFileSync(file as string, '{"st');
      return Promise.reject(full);
    });
    const run = settings({out: inFolder('early'), warmupSteps: 12, steps: 1});
    await expect(trainEsrgan(run, quiet)).rejects.toThrow(
      `cannot write ${inFolder('early')}/log.jsonl: no space is left on the disk`,
    );
    spy.mockRestore();
    expect(readdirSync(inFolder('early')).sort()).toEqual(['checkpoint.bin', 'log.jsonl']);
    expect(tf.memory().numTensors).toBe(before);
    expect(await trainEsrgan({...run, resume: true}, quiet)).toMatchObject({finished: true, step: 13});
    const whole = await trainEsrgan({...run, out: inFolder('undisturbed')}, quiet);
    expect(weightsIn('early')).toBe(weightsIn('undisturbed'));
    expect(whole.summary.validation.psnrY.start).toEqual(expect.any(Number));
  });

  test('so that its folder is gone stops in one line', async () => {
    const before = tf.memory().numTensors;
    const run = settings({out: inFolder('vanished'), warmupSteps: 60, checkpointEvery: 20});
    const onStep = (step: number) => step === 15 && rmSync(inFolder('vanished'), {recursive: true});
    await expect(trainEsrgan(run, {...quiet, onStep})).rejects.toThrow(
      `${inFolder('vanished')}/run.lock was removed: this run stops, so as to write over nothing`,
    );
    expect(readdirSync(inFolder('.'))).not.toContain('vanished');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a run that goes on', () => {
  const resumed = (changed: Partial<TrainSettings>, onWarning: (message: string) => void = () => undefined) => {
    rmSync(inFolder('changed'), {recursive: true, force: true});
    cpSync(inFolder('multiples'), inFolder('changed'), {recursive: true});
    return trainEsrgan(
      settings({out: inFolder('changed'), warmupSteps: 25, steps: 10, sampleEvery: 0, resume: true, ...changed}),
      {onWarning},
    );
  };

  test.each<[Partial<TrainSettings>, string]>([
    [{batch: 3}, 'cannot resume with --batch 3: the run in RUN has 2'],
    [{seed: 9}, 'cannot resume with --seed 9: the run in RUN has 1'],
    [{warmupSteps: 30}, 'cannot resume with --warmup-steps 30: the run in RUN has 25 and is at step 35'],
    [{warmupSteps: 40}, 'cannot resume with --warmup-steps 40: the run in RUN has 25 and is at step 35'],
  ])('refuses %j', async (changed, message) => {
    await expect(resumed(changed)).rejects.toThrow(message.replace('RUN', inFolder('changed')));
  });

  test('tells of what else is new', async () => {
    const warnings: string[] = [];
    const {step} = await resumed({steps: 12, learningRate: 0.5, sampleEvery: 7}, message => warnings.push(message));
    expect(step).toBe(37);
    expect(warnings.filter(message => message.startsWith('going on'))).toEqual([
      'going on with --steps 12: so far it was 10',
      'going on with --learning-rate 0.5: so far it was 0.001',
    ]);
  });
});

test('a tenth of the photos is held out of training, and where there are too few it is said', async () => {
  const learned = async (count: number) => {
    const folder = inFolder(`photos-${count}`);
    for (let i = 0; i < count; i++)
      writePng(inFolder(`photos-${count}`, `${i}.png`), 40, 40, (x, y) => placed(x + i, y));
    let said = {photos: 0, validation: ''};
    const run = settings({data: folder, out: inFolder(`of-${count}`), warmupSteps: 1, steps: 0});
    await trainEsrgan(run, {onStart: info => (said = info)});
    const report = readFileSync(inFolder(`of-${count}`, 'report.html'), 'utf8');
    expect(report).toContain(said.validation);
    expect(report).toMatch(/class="verdict bad"><strong>Worse than bicubic by .* dB/);
    expect(report).toMatch(/class="comparison".*class="now".*class="side bicubic"/);
    return said;
  };
  expect(await learned(9)).toMatchObject({
    photos: 9,
    validation: expect.stringContaining('that are learned from too, so the scores flatter') as string,
  });
  expect(await learned(21)).toMatchObject({
    photos: 19,
    validation: `2 of ${inFolder('photos-21')}, held out of training`,
  });
});
