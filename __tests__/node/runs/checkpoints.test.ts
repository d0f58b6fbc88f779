import * as tf from '@tensorflow/tfjs';
import fs from 'node:fs/promises';
import {readFileSync, readdirSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {GAN, TrainingBatch} from 'tfjs-ragan';
import type {CheckpointsOptions} from 'tfjs-ragan/node';
import {checkpoints, loadCheckpoint, readCheckpointState, saveCheckpoint} from 'tfjs-ragan/node';
import {describeOnBackends, tensorFlow} from '../../support/backends.js';
import {batchOf, disposeAll, everything, stateOf} from '../../support/everything.js';
import {batch, compiled} from '../../support/small-gan.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
let folders = 0;
/** The path of a folder that is not there yet. */
const newFolder = () => join(inFolder('any'), `run-${folders++}`);

/** The batches of a GAN from its step on. */
const batchesFrom = (step: number) => {
  function* batches(): Iterator<TrainingBatch> {
    for (let i = step; ; i++) yield batchOf(i);
  }
  return tf.data.generator(batches as never) as unknown as tf.data.Dataset<TrainingBatch>;
};

/** Trains as the example of `checkpoints` does, in epochs of 4 steps, up to the step `last`. */
async function fit(gan: GAN, callback: ReturnType<typeof checkpoints>, last = 12): Promise<void> {
  const stop = {onBatchEnd: () => void (gan.stopTraining = gan.step >= last)};
  const initialEpoch = Math.floor(gan.step / 4);
  const options = {epochs: 3, batchesPerEpoch: 4, initialEpoch, callbacks: [callback, stop]};
  await gan.fitDataset(batchesFrom(gan.step), options);
}

const names = (folder: string) => readdirSync(folder).sort();
const told = () => {
  const warnings: string[] = [];
  return {warnings, onWarning: (message: string) => void warnings.push(message)};
};
const DAMAGED = 'it is damaged or cut short';

describeOnBackends('checkpoints', backend => {
  const captures = backend === tensorFlow;

  /** A GAN that does in every step the same, where it would take long to record others. */
  const whole = () => everything(undefined, captures ? {discriminatorSteps: 1, penalties: []} : {});

  test.each([
    ['in the middle of an epoch and of the critic’s steps', 5],
    ['at the end of an epoch', 8],
  ])('go on %s as if training had not stopped, bit for bit', async (_, last) => {
    const folder = newFolder();
    const [start, gan, first, second] = [join(inFolder('starts'), `${folders}`), whole(), whole(), whole()];
    await saveCheckpoint(start, gan, null);
    await loadCheckpoint(start, first);
    await fit(gan, checkpoints(newFolder()));
    await fit(first, checkpoints(folder, {state: ({step}) => ({seen: step})}), last);
    const callback = checkpoints(folder, {state: ({step}) => ({seen: step})});
    const newest = join(folder, 'checkpoint.bin');
    expect(await callback.resume(second)).toEqual({file: newest, step: last, state: {seen: last}});
    expect(callback.last).toEqual({file: newest, step: last});
    await fit(second, callback);
    expect(await stateOf(second)).toEqual(await stateOf(gan));
    [gan, first, second].forEach(disposeAll);
  });

  test('are the newest, those before it as far as told, and the best', async () => {
    const folder = newFolder();
    const gan = whole();
    const values: Record<number, number> = {0: 9, 2: 5, 4: 3, 6: 3, 8: NaN, 10: 4, 12: 6};
    const measure = ({step}: GAN) => values[step]!;
    const callback = checkpoints(folder, {every: 2, keep: 3, best: {metric: 'distance', measure}});
    await fit(gan, callback, 8);
    const best = join(folder, 'checkpoint-best.bin');
    expect(names(folder)).toEqual([
      'checkpoint-000004.bin',
      'checkpoint-000006.bin',
      'checkpoint-best.bin',
      'checkpoint.bin',
    ]);
    expect(callback.best).toEqual({file: best, step: 4, value: 3});
    await fit(gan, callback, 12);
    expect(names(folder)).toEqual([
      'checkpoint-000008.bin',
      'checkpoint-000010.bin',
      'checkpoint-best.bin',
      'checkpoint.bin',
    ]);
    // It is known when training goes on, and can be gone back to.
    const again = checkpoints(folder, {best: {metric: 'distance', measure}});
    const other = whole();
    await again.resume(other);
    expect([other.step, again.best]).toEqual([12, {file: best, step: 4, value: 3}]);
    await loadCheckpoint(best, other);
    expect(other.step).toBe(4);
    // By another metric there is none yet.
    const otherwise = checkpoints(folder, {best: {metric: 'psnr', measure, mode: 'max'}});
    await otherwise.resume(other);
    expect(otherwise.best).toBeUndefined();
    await otherwise.save(other);
    values[12] = 5;
    await otherwise.save(other);
    expect(otherwise.best).toEqual({file: best, step: 12, value: 6});
    [gan, other].forEach(disposeAll);
  });

  test('one that is torn or altered is named, and the one before it used', async () => {
    const folder = newFolder();
    const file = (name: string) => join(folder, name);
    const gan = compiled({weightAverage: {decay: 0.9}});
    const states: Record<number, unknown> = {};
    const state = async () => (states[gan.step] = await stateOf(gan));
    await fitSmall(gan, checkpoints(folder, {every: 2, keep: 3, state}), 8);
    const resumed = compiled({weightAverage: {decay: 0.9}});
    const [newest, six, four] = ['checkpoint.bin', 'checkpoint-000006.bin', 'checkpoint-000004.bin'].map(file);
    truncateSync(newest!, 1000);
    const {warnings, onWarning} = told();
    const callback = checkpoints(folder, {every: 2, keep: 3, onWarning});
    expect(await callback.resume(resumed)).toMatchObject({file: six, step: 6});
    expect(await stateOf(resumed)).toEqual(states[6]);
    expect(warnings.splice(0)).toEqual([
      `cannot read the checkpoint ${newest}: ${DAMAGED}; going on from ${six}, of step 6`,
    ]);
    const altered = readFileSync(six!);
    altered[altered.length - 1]! ^= 4;
    writeFileSync(six!, altered);
    expect(await callback.resume(resumed)).toMatchObject({file: four, step: 4});
    expect(await stateOf(resumed)).toEqual(states[4]);
    expect(warnings).toHaveLength(2);
    // What is damaged stays until there is a whole one again.
    expect(names(folder)).toEqual(['checkpoint-000004.bin', 'checkpoint-000006.bin', 'checkpoint.bin']);
    await fitSmall(resumed, callback, 5);
    expect(names(folder)).toEqual(['checkpoint-000004.bin', 'checkpoint.bin']);
    expect(await readCheckpointState(newest!)).toBeNull();
    [gan, resumed].forEach(disposeAll);
  });

  test('wait for a step that is not left out, so that the one before a streak of these stays', async () => {
    const folder = newFolder();
    const gan = compiled({onWarning: () => undefined});
    const {xs, ys} = batch();
    const spoiled = tf.fill(ys.shape, NaN);
    const dataset = tf.data.generator(function* () {
      for (const is of 'ggbbbbbgg') yield {xs: tf.clone(xs), ys: tf.clone(is === 'g' ? ys : spoiled)};
    });
    const saved = checkpoints(folder, {every: 2, keep: 2});
    const last: unknown[] = [];
    const look = {onBatchEnd: () => void last.push(saved.last?.step)};
    await gan.fitDataset(dataset, {epochs: 1, callbacks: [saved, look]});
    expect(last).toEqual([undefined, 2, 2, 2, 2, 2, 2, 8, 8]);
    expect(names(folder)).toEqual(['checkpoint-000008.bin', 'checkpoint.bin']);
    tf.dispose([xs, ys, spoiled]);
    disposeAll(gan);
  });

  test('leak nothing, and read no losses where none is asked for', async () => {
    const [gan, other] = [compiled(), compiled()];
    const callback = checkpoints(newFolder(), {every: 1});
    expect(callback.logEvery).toBe(0);
    await fitSmall(gan, callback, 2);
    await callback.resume(other);
    const before = tf.memory().numTensors;
    await fitSmall(gan, callback, 4);
    await callback.resume(other);
    expect(tf.memory().numTensors).toBe(before);
    [gan, other].forEach(disposeAll);
  });
});

/** `fit` for the two dense networks of other tests, of which a step takes no time. */
async function fitSmall(gan: GAN, callback: ReturnType<typeof checkpoints>, last: number): Promise<void> {
  if (gan.step >= last) return;
  await gan.fitDataset(batchesFrom(gan.step), {epochs: 1, batchesPerEpoch: last - gan.step, callbacks: callback});
}

describe('a folder of checkpoints', () => {
  test('holds the best by a loss that is logged: its mean since the last one', async () => {
    const folder = newFolder();
    const gan = compiled();
    const losses: number[] = [];
    const values = {onBatchEnd: (_: number, logs?: tf.Logs) => void losses.push(Number(logs!.discriminatorLoss))};
    const callback = checkpoints(folder, {every: 2, keep: 1, best: {metric: 'discriminatorLoss', mode: 'max'}});
    await gan.fitDataset(batchesFrom(0), {epochs: 1, batchesPerEpoch: 9, callbacks: [callback, values]});
    const means = [0, 2, 4, 6].map(i => (losses[i]! + losses[i + 1]!) / 2).concat(losses[8]!);
    const most = means.indexOf(Math.max(...means));
    expect(callback.best!.step).toBe([2, 4, 6, 8, 9][most]);
    expect(callback.best!.value).toBeCloseTo(means[most]!, 5);
    expect(names(folder)).toEqual(['checkpoint-best.bin', 'checkpoint.bin']);
    disposeAll(gan);
  });

  test('is told of in one line where no step logs what the best is known by', async () => {
    const {warnings, onWarning} = told();
    const gan = compiled();
    await fitSmall(gan, checkpoints(newFolder(), {every: 0, best: {metric: 'psnr'}, onWarning}), 2);
    expect(warnings).toEqual([
      'checkpoints: no step since the last one logged psnr, but only discriminatorLoss, generatorLoss',
    ]);
    disposeAll(gan);
  });

  /** A folder with the steps 2, 4 and 6, and the best of step 2. */
  async function filled(options: CheckpointsOptions = {}) {
    const folder = newFolder();
    const gan = compiled();
    const best = {metric: 'step', measure: ({step}: GAN) => step};
    await fitSmall(gan, checkpoints(folder, {every: 2, keep: 2, best, ...options}), 6);
    disposeAll(gan);
    return {folder, best, file: (name: string) => join(folder, name)};
  }

  test('of which all are damaged is refused in one line that names them; the best is the last that is tried', async () => {
    const {folder, best, file} = await filled();
    const gan = compiled();
    const {warnings, onWarning} = told();
    const callback = checkpoints(folder, {best, onWarning});
    for (const name of ['checkpoint.bin', 'checkpoint-000004.bin']) truncateSync(file(name), 60);
    expect(await callback.resume(gan)).toMatchObject({file: file('checkpoint-best.bin'), step: 2});
    expect(warnings).toEqual([
      `cannot read the checkpoint ${file('checkpoint.bin')}: ${DAMAGED}; going on from ${file('checkpoint-best.bin')}, of step 2`,
      `cannot read the checkpoint ${file('checkpoint-000004.bin')}: ${DAMAGED}; going on from ${file('checkpoint-best.bin')}, of step 2`,
    ]);
    await callback.save(gan);
    expect(names(folder)).toEqual(['checkpoint-best.bin', 'checkpoint.bin']);
    for (const name of names(folder)) truncateSync(file(name), 60);
    await expect(callback.resume(gan)).rejects.toThrow(
      `cannot read the checkpoint ${file('checkpoint.bin')}: ${DAMAGED}, and so are checkpoint-best.bin`,
    );
    disposeAll(gan);
  });

  test('whose best alone is damaged, or was not called so before a kill, has the best of what is left', async () => {
    const {folder, best, file} = await filled();
    const gan = compiled();
    const {warnings, onWarning} = told();
    writeFileSync(file('checkpoint-best.bin'), 'something');
    const callback = checkpoints(folder, {keep: 2, best, onWarning});
    await callback.resume(gan);
    expect(warnings).toEqual([
      `cannot read the checkpoint ${file('checkpoint-best.bin')}: it is not a checkpoint; the best is sought anew`,
    ]);
    expect(callback.best).toEqual({file: file('checkpoint-best.bin'), step: 6, value: 6});
    await fitSmall(gan, callback, 7);
    expect(names(folder)).toEqual(['checkpoint-000006.bin', 'checkpoint-best.bin', 'checkpoint.bin']);
    rmSync(file('checkpoint-best.bin'));
    const again = checkpoints(folder, {best});
    await again.resume(gan);
    expect(again.best).toEqual({file: file('checkpoint-best.bin'), step: 7, value: 7});
    disposeAll(gan);
  });

  test('of another GAN, or that is refused, changes nothing and is not passed over', async () => {
    const {folder, file} = await filled();
    const [gan, other] = [compiled(), compiled({generatorOptimizer: tf.train.adam(0.1)})];
    const before = await stateOf(other);
    await expect(checkpoints(folder).resume(other)).rejects.toThrow(
      `cannot resume from ${file('checkpoint.bin')}: its generatorOptimizer is SGD, not Adam`,
    );
    expect(await stateOf(other)).toEqual(before);
    const untouched = await stateOf(gan);
    const check = jest.fn(() => Promise.reject(new Error('not that one')));
    await expect(checkpoints(folder).resume(gan, check)).rejects.toThrow('not that one');
    expect(check).toHaveBeenCalledWith({file: file('checkpoint.bin'), step: 6, state: null});
    expect(await stateOf(gan)).toEqual(untouched);
    [gan, other].forEach(disposeAll);
  });

  test('that training does not go on from is refused; an empty one is begun', async () => {
    const {folder} = await filled();
    const before = names(folder).map(name => readFileSync(join(folder, name)));
    const gan = compiled();
    const refusal = `checkpoints: ${folder} holds checkpoints that this training does not go on from; call resume(gan) first`;
    await expect(fitSmall(gan, checkpoints(folder), 1)).rejects.toThrow(refusal);
    await expect(checkpoints(folder).save(gan)).rejects.toThrow(refusal);
    expect(gan.step).toBe(0);
    expect(names(folder).map(name => readFileSync(join(folder, name)))).toEqual(before);
    expect(await checkpoints(newFolder()).resume(gan)).toBeUndefined();
    disposeAll(gan);
  });

  test('of a run is written only while the run has it', async () => {
    const requireLock = jest.fn(() => Promise.resolve());
    const path = newFolder();
    const gan = compiled();
    const callback = checkpoints({path, requireLock});
    await callback.save(gan);
    expect(names(path)).toEqual(['checkpoint.bin']);
    requireLock.mockRejectedValueOnce(new Error('the lock was removed'));
    await expect(callback.save(gan)).rejects.toThrow('the lock was removed');
    disposeAll(gan);
  });

  const full = Object.assign(new Error('ENOSPC: no space left on device'), {code: 'ENOSPC'});

  test.each(['writeFile', 'rename', 'rm'] as const)(
    'is whole, whichever call of %s fails, and training can go on in it',
    async call => {
      for (let failing = 0, failed = true; failed; failing++) {
        const {folder, best} = await filled();
        const gan = compiled();
        const {onWarning} = told();
        const callback = checkpoints(folder, {keep: 2, best: {...best, mode: 'max'}, onWarning});
        await callback.resume(gan);
        gan.step = 8;
        let calls = 0;
        failed = false;
        const original = fs[call] as (...of: unknown[]) => Promise<unknown>;
        const spy = jest.spyOn(fs, call as 'rm').mockImplementation((...of) => {
          // Leftovers of a step that failed are removed on the way, whether that works or not.
          if (calls++ !== failing || String(of[0]).endsWith('.tmp') === (call === 'rm'))
            return original(...of) as never;
          failed = true;
          return Promise.reject(full);
        });
        const saved = await callback.save(gan).then(
          () => true,
          (error: Error) => expect(error.message).toMatch(/^cannot (write|remove) .*: no space is left on the disk$/),
        );
        spy.mockRestore();
        if (!failed) expect(saved).toBe(true);
        expect(names(folder).filter(name => name.endsWith('.tmp'))).toEqual([]);
        const next = checkpoints(folder, {keep: 2, best: {...best, mode: 'max'}});
        const other = compiled();
        const step = (await next.resume(other))!.step;
        expect([6, 8]).toContain(step);
        for (const name of names(folder)) await loadCheckpoint(join(folder, name), other);
        await next.resume(other);
        await fitSmall(other, next, 10);
        expect(names(folder)).toEqual([`checkpoint-00000${step}.bin`, 'checkpoint-best.bin', 'checkpoint.bin']);
        expect(next.best!.step).toBe(10);
        [gan, other].forEach(disposeAll);
        if (call === 'rm') break;
      }
    },
  );

  test('is written in file systems without links too', async () => {
    const spy = jest.spyOn(fs, 'link').mockRejectedValue(Object.assign(new Error('EPERM'), {code: 'EPERM'}));
    const {folder, best, file} = await filled();
    expect(spy).toHaveBeenCalled();
    spy.mockRestore();
    expect(names(folder)).toEqual(['checkpoint-000004.bin', 'checkpoint-best.bin', 'checkpoint.bin']);
    const gan = compiled();
    const callback = checkpoints(folder, {best});
    await callback.resume(gan);
    expect(callback.best).toEqual({file: file('checkpoint-best.bin'), step: 2, value: 2});
    disposeAll(gan);
  });

  test.each([
    [{every: -1}, 'every must be a whole number of at least 0, but it is -1'],
    [{every: 1.5}, 'every must be a whole number of at least 0, but it is 1.5'],
    [{keep: 0}, 'keep must be a whole number of at least 1, but it is 0'],
    [{best: {metric: ''}}, 'best.metric must be a name, but it is ""'],
    [{best: {metric: 'psnr', mode: 'most'}}, `best.mode must be 'min' or 'max', but it is "most"`],
  ])('refuses %p', (options, message) => {
    expect(() => checkpoints('run', options as CheckpointsOptions)).toThrow(`checkpoints: ${message}.`);
  });
});
