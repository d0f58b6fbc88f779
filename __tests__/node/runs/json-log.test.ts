import * as tf from '@tensorflow/tfjs';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import type {Diagnostics, GAN} from 'tfjs-ragan';
import {GanCallback} from 'tfjs-ragan';
import {jsonLog} from 'tfjs-ragan/node';
import type {JsonLogOptions} from 'tfjs-ragan/node';
import {takeRunFolder} from '../../../src/node/runs/folder.js';
import {describeOnBackends} from '../../support/backends.js';
import {batch, compiled, content} from '../../support/small-gan.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const dataset = () =>
  tf.data.generator(function* () {
    for (;;) yield batch();
  });
const recordsIn = (folder: string) =>
  readFileSync(`${folder}/log.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, number>);

describeOnBackends('jsonLog', backend => {
  const trained = async (callback: ReturnType<typeof jsonLog>, {steps = 7, step = 0} = {}) => {
    const gan = compiled({generatorLosses: [content]});
    gan.step = step;
    const losses: Record<string, number>[] = [];
    const onBatchEnd = (_: number, logs?: tf.Logs) => void losses.push({...(logs as Record<string, number>)});
    await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: steps, callbacks: [callback, {onBatchEnd}]});
    gan.dispose();
    return losses;
  };

  test('writes the means of every loss, what is told besides, and records of one’s own', async () => {
    const folder = inFolder(backend, 'new', 'run');
    const values = (gan: GAN) => ({twice: 2 * gan.step, captured: capturedBy(gan)});
    const log = jsonLog(folder, {logEvery: 3, values, diagnostics: false});
    await log.add(0, {evaluation: 'start', score: NaN});
    const losses = await trained(log);
    await log.add(7, {evaluation: 'end', score: 2});
    const [start, ...records] = recordsIn(folder);
    const end = records.pop();
    expect(start).toEqual({step: 0, evaluation: 'start', score: null, seconds: 0});
    expect(end).toMatchObject({step: 7, evaluation: 'end', score: 2});
    expect(records.map(({step, twice}) => [step, twice])).toEqual([
      [3, 6],
      [6, 12],
      [7, 14],
    ]);
    const captures = backend === 'tensorflow' || backend === 'cuda';
    expect(records.map(({captured}) => captured)).toEqual(records.map(() => captures));
    const parts = [losses.slice(0, 3), losses.slice(3, 6), losses.slice(6)];
    for (const [i, part] of parts.entries()) {
      expect(Object.keys(records[i]!).sort()).toEqual(
        ['step', 'twice', 'captured', 'content', 'discriminatorLoss', 'generatorLoss', 'seconds'].sort(),
      );
      for (const name of ['content', 'discriminatorLoss', 'generatorLoss']) {
        const mean = part.reduce((sum, one) => sum + one[name]!, 0) / part.length;
        expect(records[i]![name]).toBeCloseTo(mean, 5);
      }
    }
  });

  test('explains each record by what its last step tells', async () => {
    const folder = inFolder(backend, 'explained');
    const told: Record<string, number>[] = [];
    class Told extends GanCallback {
      override onDiagnostics({scalars}: Diagnostics): void {
        told.push(scalars);
      }
    }
    const gan = compiled({generatorLosses: [content]});
    const callbacks = [jsonLog(folder, {logEvery: 3}), new Told({logEvery: 3})];
    await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: 3, callbacks});
    await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: 3, adversarial: false, callbacks});
    gan.dispose();
    const records = recordsIn(folder);
    expect(told).toHaveLength(2);
    for (const [i, scalars] of told.entries()) {
      const others = Object.entries(scalars).filter(([name]) => !name.startsWith('loss/'));
      expect(records[i]).toMatchObject(Object.fromEntries(others));
      expect(Object.keys(records[i]!).filter(name => name.startsWith('loss/'))).toEqual([]);
      expect(records[i]!['memory/residentBytes']).toBeGreaterThan(1e7);
      expect(records[i]!.content).toBeGreaterThan(0);
    }
    const explained = [
      'gradientNorm/generator',
      'learningRate/discriminator',
      'logits/shareRight',
      'samples/fakeSpread',
    ];
    for (const name of [...explained, 'weightedLoss/content']) expect(records[0]![name]).toBeGreaterThanOrEqual(0);
    // A warm-up has no critic.
    expect('logits/shareRight' in records[1]!).toBe(false);
  });

  test('that goes on tells each step once, and counts the seconds on', async () => {
    const folder = inFolder(backend, 'resumed');
    await trained(jsonLog(folder, {logEvery: 3}), {steps: 9});
    const lines = readFileSync(`${folder}/log.jsonl`, 'utf8').replace(/"seconds":[\d.]+/, '"seconds":100');
    // Killed in the middle of a line.
    writeFileSync(`${folder}/log.jsonl`, `${lines}{"step":12,"evaluation":"no`);
    const resumed = jsonLog(folder, {logEvery: 3});
    await trained(resumed, {steps: 6, step: 3});
    // A second part of the same training changes nothing of the first.
    await resumed.add(9, {evaluation: 'second part'});
    await trained(resumed, {steps: 3, step: 9});
    const records = recordsIn(folder);
    expect(records.map(({step}) => step)).toEqual([3, 6, 9, 9, 12]);
    for (const {seconds} of records) expect(seconds).toBeGreaterThanOrEqual(100);
    await trained(jsonLog(folder), {steps: 1});
    expect(recordsIn(folder).map(({step, seconds}) => [step, seconds! < 100])).toEqual([[1, true]]);
  });

  test('holds no tensor, and refuses what it cannot do', async () => {
    const gan = compiled();
    await gan.trainOnBatch(batch().xs, batch().ys);
    const before = tf.memory().numTensors;
    const log = jsonLog(inFolder(backend, 'leaks'));
    await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: 4, callbacks: log});
    expect(tf.memory().numTensors).toBe(before);
    gan.dispose();
    for (const logEvery of [0, -1, 1.5, NaN]) {
      expect(() => jsonLog('run', {logEvery})).toThrow('jsonLog: logEvery must be a whole number of at least 1');
    }
    expect(() => jsonLog('run', {every: 1} as JsonLogOptions)).toThrow("jsonLog: unknown option 'every'");
    writeFileSync(inFolder(backend, 'file'), '');
    await expect(trained(jsonLog(inFolder(backend, 'file')))).rejects.toThrow(
      `cannot write into ${inFolder(backend, 'file')}: a file of that name is in the way`,
    );
  });

  test('writes into no run that is another’s by now', async () => {
    const run = await takeRunFolder(inFolder(backend, 'taken'), {resume: false});
    const log = jsonLog(run, {logEvery: 1});
    await trained(log, {steps: 1});
    writeFileSync(`${run.path}/run.lock`, 'another');
    await expect(trained(log, {steps: 1, step: 1})).rejects.toThrow('this run stops, so as to write over nothing');
    expect(recordsIn(run.path)).toHaveLength(1);
    await run.release();
    expect(existsSync(`${run.path}/run.lock`)).toBe(true);
  });
});

function capturedBy(gan: ReturnType<typeof compiled>): boolean {
  return gan.captureStatus?.state === 'captured';
}
