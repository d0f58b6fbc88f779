import * as tf from '@tensorflow/tfjs';
import {readFileSync} from 'node:fs';
import {DEFAULT_SETTINGS, RECIPES, loadCheckpoint, loadModel, trainEsrgan} from 'tfjs-ragan/node';
import type {RecipeName, TrainSettings} from 'tfjs-ragan/node';
import {GAN, RelativisticAverageLoss, RelativisticPairedLoss, StandardLoss, compactGenerator} from 'tfjs-ragan';
import {compiledEsrgan, disposeWhole} from '../../../src/node/runs/esrgan.js';
import type {RunFolder} from '../../../src/node/runs/folder.js';
import {runGenerator} from '../../../src/node/runs/generator.js';
import {recipeSettings} from '../../../src/node/runs/recipes.js';
import {requireSettings} from '../../../src/node/runs/settings.js';
import {activateBackend, describeOnBackends, tensorFlow} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
/** A recipe for networks of a few weights. */
const small = (recipe: Partial<TrainSettings>, changed: Partial<TrainSettings> = {}): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  ...recipe,
  data: inFolder('photos'),
  ...{filters: 4, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 8, batch: 2, convolutions: 1},
  ...{warmupSteps: 2, steps: 4, warmupHalveAt: [1], halveAt: [2], sampleEvery: 0},
  ...changed,
});
beforeAll(() => {
  for (let i = 0; i < 2; i++) writePng(inFolder('photos', `${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
});

test('every recipe is of settings that a run takes, and an unknown one is refused with the list', () => {
  for (const name of Object.keys(RECIPES) as RecipeName[]) {
    expect(() => requireSettings({...DEFAULT_SETTINGS, ...recipeSettings(name), data: 'photos'})).not.toThrow();
  }
  const refusal = '--recipe must be one of esrgan, real-esrgan, compact, r3gan, but it is ';
  expect(() => recipeSettings('srgan')).toThrow(refusal + 'srgan');
  expect(() => recipeSettings('toString')).toThrow(refusal + 'toString');
});

/** The GAN of a run, and what it was compiled with. */
async function compiled(settings: TrainSettings) {
  const compile = jest.spyOn(GAN.prototype, 'compile');
  try {
    const generator = await runGenerator(settings, {network: inFolder('none')} as RunFolder);
    const gan = compiledEsrgan(settings, generator, () => undefined);
    return {gan, options: compile.mock.calls[0]![0]};
  } finally {
    compile.mockRestore();
  }
}

describeOnBackends('recipes', backend => {
  test.each([
    ['esrgan', ['esrgan_generator', 'vgg_discriminator'], RelativisticAverageLoss, []],
    ['real-esrgan', ['esrgan_generator', 'unet_discriminator'], StandardLoss, []],
    ['compact', ['compact_generator', 'unet_discriminator'], StandardLoss, []],
    ['r3gan', ['esrgan_generator', 'vgg_discriminator'], RelativisticPairedLoss, ['r1', 'r2']],
  ] as const)('%s trains its networks by its losses', async (name, networks, loss, penalties) => {
    const {gan, options} = await compiled(small(recipeSettings(name)));
    expect([gan.generator.name, gan.discriminator.name]).toEqual(networks);
    expect(options.loss).toBeInstanceOf(loss);
    expect(options.penalties!.map(penalty => penalty.name)).toEqual(penalties);
    expect(options.weightAverage!.decay).toBe(RECIPES[name].weightAverage);
    const [xs, ys] = [
      tf.randomUniform([2, 2, 2, 3], 0, 1, 'float32', 1),
      tf.randomUniform([2, 8, 8, 3], 0, 1, 'float32', 2),
    ];
    await gan.trainOnBatch(xs, ys, {adversarial: false});
    for (let step = 0; step < 3; step++) {
      const logs: Record<string, number> = await gan.trainOnBatch(xs, ys);
      for (const value of ['generatorLoss', 'discriminatorLoss', ...penalties]) expect(logs[value]).not.toBeNaN();
    }
    if (backend === tensorFlow) expect(gan.captureStatus?.state).toBe('captured');
    tf.dispose([xs, ys]);
    disposeWhole(gan);
  });
});

test('the average is what the run makes, and goes on when it does', async () => {
  await activateBackend('wasm');
  const run = async (settings: TrainSettings, stopAt?: number) => {
    const abort = new AbortController();
    const onStep = (step: number) => step === stopAt && abort.abort();
    await trainEsrgan(settings, {onStep, onWarning: () => undefined}, abort.signal);
  };
  const settings = small(RECIPES.compact, {weightAverage: 0.5, backend: 'wasm', threads: 1});
  const weights = (out: string) => readFileSync(inFolder(out, 'model', 'weights.bin')).toString('base64');
  await run({...settings, out: inFolder('whole')});
  await run({...settings, out: inFolder('stopped')}, 3);
  await run({...settings, out: inFolder('stopped'), resume: true});
  expect(weights('stopped')).toBe(weights('whole'));
  await run({...settings, out: inFolder('plain'), weightAverage: 0});
  expect(weights('plain')).not.toBe(weights('whole'));
  const refused = run({...settings, out: inFolder('whole'), resume: true, weightAverage: 0});
  await expect(refused).rejects.toThrow('cannot resume with --weight-average 0');

  const model = await loadModel(inFolder('whole', 'model'));
  const {gan} = await compiled(settings);
  await loadCheckpoint(inFolder('whole', 'checkpoint.bin'), gan);
  const values = (network: tf.LayersModel) => network.getWeights().map(weight => Array.from(weight.dataSync()));
  expect(values(model)).toEqual(values(gan.averagedGenerator));
  expect(readFileSync(inFolder('whole', 'report.html'), 'utf8')).toContain('x4, compact, 4 filters, 1 convolutions');
  disposeWhole(gan);
  tf.dispose(model.getWeights());
});

test('rates halve at the steps of each stage, and momentum is as told', async () => {
  await tf.setBackend('cpu');
  const settings = small({}, {warmupSteps: 10, steps: 20, warmupHalveAt: [3], halveAt: [5, 10], beta1: 0.25});
  const compile = jest.spyOn(GAN.prototype, 'compile');
  const adam = jest.spyOn(tf.train, 'adam');
  const gan = compiledEsrgan(settings, compactGenerator({filters: 2, convolutions: 0}), () => undefined);
  const [{generatorLearningRate, discriminatorLearningRate}] = compile.mock.calls[0]!;
  compile.mockRestore();
  const rate = (schedule: unknown, step: number) => (schedule as (step: number) => number)(step);
  const {warmupLearningRate, learningRate, discriminatorLearningRate: critics} = settings;
  expect([0, 2, 3, 9].map(step => rate(generatorLearningRate, step) / warmupLearningRate)).toEqual([1, 1, 0.5, 0.5]);
  expect([10, 14, 15, 20].map(step => rate(generatorLearningRate, step) / learningRate)).toEqual([1, 1, 0.5, 0.25]);
  expect([10, 15, 29].map(step => rate(discriminatorLearningRate, step) / critics)).toEqual([1, 0.5, 0.25]);
  expect(adam.mock.calls.map(([, beta1]) => beta1)).toEqual([0.25, 0.25]);
  adam.mockRestore();
  disposeWhole(gan);
});

test('a run that was made before there were recipes goes on with what these are by default', async () => {
  const without = small({}, {out: inFolder('without'), backend: 'cpu', steps: 1, warmupSteps: 1});
  delete without.convolutions;
  await trainEsrgan(without);
  const named = {network: 'esrgan', discriminator: 'vgg', convolutions: 16, weightAverage: 0} as const;
  const further = {...without, ...named, out: inFolder('without'), resume: true, steps: 2};
  expect(await trainEsrgan(further)).toMatchObject({finished: true});
  await expect(trainEsrgan({...further, network: 'compact'})).rejects.toThrow(
    `cannot resume with --network compact: the run in ${inFolder('without')} has esrgan`,
  );
});
