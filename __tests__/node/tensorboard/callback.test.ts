import * as tf from '@tensorflow/tfjs';
import {spawn} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Diagnostics} from 'tfjs-ragan';
import {GanCallback} from 'tfjs-ragan';
import {tensorBoard} from 'tfjs-ragan/node';
import {readLog} from '../../../src/node/runs/log.js';
import {describeOnBackends} from '../../support/backends.js';
import {writePng} from '../../support/photos.js';
import {root} from '../../support/program.js';
import {batch, compiled, content} from '../../support/small-gan.js';
import {temporaryFolder} from '../../support/temporary-folder.js';
import {describeWithTensorBoard, readWithTensorBoard} from '../../support/tensorboard.js';

const inFolder = temporaryFolder();
const dataset = () =>
  tf.data.generator(function* () {
    for (;;) yield batch();
  });

describeOnBackends('tensorBoard', backend => {
  const trained = async (folder: string, {steps = 7, step = 0, callback = tensorBoard(folder, {logEvery: 3})} = {}) => {
    const gan = compiled({generatorLosses: [content]});
    gan.step = step;
    const logs: Record<string, number>[] = [];
    const onBatchEnd = (_: number, log?: tf.Logs) => void logs.push({...(log as Record<string, number>)});
    await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: steps, callbacks: [callback, {onBatchEnd}]});
    gan.dispose();
    return logs;
  };

  test('writes event files, holds no tensor, and refuses what it cannot do', async () => {
    const folder = inFolder(backend, 'plain');
    await trained(folder);
    expect(readdirSync(folder)).toHaveLength(1);
    const before = tf.memory().numTensors;
    const gan = compiled();
    await gan.trainOnBatch(batch().xs, batch().ys);
    const made = tf.memory().numTensors;
    await gan.fitDataset(dataset(), {
      epochs: 1,
      batchesPerEpoch: 4,
      callbacks: tensorBoard(inFolder(backend, 'leaks')),
    });
    expect(tf.memory().numTensors).toBe(made);
    expect(made).toBeGreaterThan(before);
    gan.dispose();
    for (const logEvery of [0, -1, 1.5, NaN]) {
      expect(() => tensorBoard('logs', {logEvery})).toThrow('logEvery must be a whole number of at least 1');
    }
    expect(() => tensorBoard('logs', {every: 1} as object)).toThrow("tensorBoard: unknown option 'every'");
    writeFileSync(inFolder(backend, 'file'), '');
    await expect(trained(inFolder(backend, 'file'))).rejects.toThrow(
      `cannot write ${inFolder(backend, 'file')}: a file of that name is in the way`,
    );
  });

  describeWithTensorBoard('of a training', () => {
    test('shows the means of every loss, numbers of one’s own, and pictures as they come', async () => {
      const [path, samples] = [inFolder(backend, 'run'), inFolder(backend, 'run', 'samples')];
      mkdirSync(samples, {recursive: true});
      const callback = tensorBoard({path, samples}, {logEvery: 3, diagnostics: false});
      await callback.add(0, {'validation/psnrY': 10});
      writePng(join(samples, 'step-000002.png'), 5, 4, () => [1, 2, 3]);
      writeFileSync(join(samples, 'no.png'), 'no picture');
      const logs = await trained('', {callback});
      writePng(join(samples, 'end.png'), 6, 4, () => [1, 2, 3]);
      await callback.add(7, {'validation/psnrY': 20});
      const {shown, accumulated} = readWithTensorBoard(join(path, 'tensorboard'));
      const mean = (name: string, from: number, to: number) =>
        logs.slice(from, to).reduce((sum, log) => sum + log[name]!, 0) / (to - from);
      expect(Object.keys(shown.scalars).sort()).toEqual([
        'loss/content',
        'loss/discriminatorLoss',
        'loss/generatorLoss',
        'validation/psnrY',
      ]);
      for (const name of ['content', 'discriminatorLoss', 'generatorLoss']) {
        const points = shown.scalars[`loss/${name}`]!;
        expect(points.map(([step]) => step)).toEqual([3, 6, 7]);
        for (const [i, [from, to]] of (
          [
            [0, 3],
            [3, 6],
            [6, 7],
          ] as const
        ).entries()) {
          expect(points[i]![1]).toBeCloseTo(mean(name, from, to), 5);
        }
      }
      expect(shown.scalars['validation/psnrY']).toEqual([
        [0, 10],
        [7, 20],
      ]);
      expect(shown.images.samples!.map(([step, width]) => [step, width])).toEqual([
        [2, 5],
        [7, 6],
      ]);
      expect(accumulated.scalars).toEqual(shown.scalars);
      expect(accumulated.images).toEqual(shown.images);
    });

    test('shows what the last step of each point tells, and its logits as histograms', async () => {
      const folder = inFolder(backend, 'explained');
      const told: Diagnostics[] = [];
      class Told extends GanCallback {
        override onDiagnostics(diagnostics: Diagnostics): void {
          told.push(diagnostics);
        }
      }
      const gan = compiled({generatorLosses: [content]});
      const callbacks = [tensorBoard(folder, {logEvery: 3}), new Told({logEvery: 3})];
      await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: 6, callbacks});
      gan.dispose();
      const {shown} = readWithTensorBoard(folder);
      const names = Object.keys(told[0]!.scalars).filter(name => !name.startsWith('loss/'));
      for (const name of names) {
        const points = told.map(({step, scalars}) => [step, Math.fround(scalars[name]!)]);
        expect([name, shown.scalars[name]]).toEqual([name, points]);
      }
      expect(shown.scalars['memory/residentBytes']!.map(([step]) => step)).toEqual([3, 6]);
      for (const name of ['logits/real', 'logits/fake']) {
        for (const [i, {step, histograms}] of told.entries()) {
          const [at, buckets] = shown.histograms[name]![i]!;
          const values = histograms[name]!;
          expect([at, buckets.reduce((sum, [, , count]) => sum + count, 0)]).toEqual([step, values.length]);
          expect(buckets[0]![0]).toBeCloseTo(Math.min(...values), 5);
          expect(buckets.at(-1)![1]).toBeCloseTo(Math.max(...values), 5);
        }
      }
    });

    test('that goes on from a checkpoint shows each step once, and its pictures too', async () => {
      const [path, samples] = [inFolder(backend, 'resumed'), inFolder(backend, 'resumed', 'samples')];
      mkdirSync(samples, {recursive: true});
      writePng(join(samples, 'step-000003.png'), 5, 4, () => [1, 2, 3]);
      await trained('', {steps: 9, callback: tensorBoard({path, samples}, {logEvery: 3})});
      const resumed = tensorBoard({path, samples}, {logEvery: 3});
      await trained('', {steps: 6, step: 3, callback: resumed});
      // A second part of the same training changes nothing of the first.
      await trained('', {steps: 3, step: 9, callback: resumed});
      const {shown} = readWithTensorBoard(join(path, 'tensorboard'));
      expect(shown.scalars['loss/content']!.map(([step]) => step)).toEqual([3, 6, 9, 12]);
      expect(shown.images.samples!.map(([step]) => step)).toEqual([3]);
    });
  });
});

describeWithTensorBoard('train --tensorboard', () => {
  const main = join(root, 'dist/esm/cli/main.js');
  const out = inFolder('trained');
  afterEach(() => rmSync(out, {recursive: true, force: true}));
  const train = (...more: string[]) =>
    spawn(process.execPath, [
      ...[main, 'train', '--data', join(root, 'examples/photos/val'), '--out', out, '--backend', 'wasm'],
      ...['--filters', '4', '--growth', '2', '--blocks', '1', '--patch', '16', '--batch', '2', '--threads', '1'],
      ...['--sample-every', '20', '--checkpoint-every', '20', '--warmup-steps', '60', '--steps', '20', ...more],
    ]);

  test('shows the numbers of the log and the sheets, also of a run that was killed and resumed', async () => {
    const killed = train('--tensorboard');
    const ended = new Promise(resolve => killed.on('close', resolve));
    const log = () => readLog(join(out, 'log.jsonl'));
    while (!(await log().catch(() => [])).some(({step}) => Number(step) >= 30)) await sleep(10);
    killed.kill('SIGKILL');
    await ended;
    const {printed, code} = await finished(train('--resume'));
    expect([code, printed]).toEqual([0, '']);
    const {shown, accumulated} = readWithTensorBoard(join(out, 'tensorboard'));
    const records = await log();
    for (const name of ['content', 'discriminatorLoss', 'generatorLoss']) {
      const logged = records.flatMap(({step, [name]: value}) => (typeof value === 'number' ? [[step, value]] : []));
      expect(logged.length).toBeGreaterThan(1);
      const rounded = logged.map(([step, value]) => [step, Math.fround(Number(value))]);
      expect(shown.scalars[`loss/${name}`]).toEqual(rounded);
      expect(accumulated.scalars[`loss/${name}`]).toEqual(rounded);
    }
    expect(shown.scalars['validation/psnrY']!.map(([step]) => step)).toEqual([0, 60, 80]);
    expect(new Set(shown.images.samples!.map(([step]) => step))).toEqual(new Set([20, 40, 60, 80]));
    // The last of each stage has a sheet of its own, beside that of its step.
    expect(shown.images.samples!.filter(([step]) => step === 80)).toHaveLength(2);
  });

  test('is what writes event files', async () => {
    expect((await finished(train('--steps', '0', '--warmup-steps', '2'))).code).toBe(0);
    expect(statSync(join(out, 'summary.json')).isFile()).toBe(true);
    expect(existsSync(join(out, 'tensorboard'))).toBe(false);
  });
});

async function finished(child: ReturnType<typeof spawn>): Promise<{printed: string; code: number | null}> {
  let printed = '';
  child.stderr!.on('data', (text: Buffer) => (printed += text.toString()));
  child.stdout!.resume();
  return {code: await new Promise(resolve => child.on('close', resolve)), printed};
}
