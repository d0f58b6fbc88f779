import * as tf from '@tensorflow/tfjs';
import type {TrainingBatch} from 'tfjs-ragan';
import {GanCallback, r1Penalty} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {batch, compiled} from '../support/small-gan.js';

const dataset = (batches: number) =>
  tf.data.array(Array.from({length: batches}, (_, i) => i)).map(() => batch()) as tf.data.Dataset<TrainingBatch>;

type Logs = Record<string, number>;

class Recorder extends GanCallback {
  readonly events: (string | [number, Logs])[] = [];
  override onBatchEnd(): Promise<void> {
    this.events.push(`step ${this.gan.step}`);
    return Promise.resolve();
  }
  override onLogs(step: number, logs: Logs): void {
    this.events.push([step, logs]);
  }
  override onClose(): void {
    this.events.push('closed');
  }
}

describeOnBackends('a callback that sees the GAN', () => {
  test('is told the means of so many steps, before the step ends, and what is left at the end', async () => {
    const gan = compiled({penalties: [r1Penalty({gamma: 1, every: 4})]});
    const each: Logs[] = [];
    class Every extends GanCallback {
      override onLogs(_: number, logs: Logs) {
        each.push(logs);
      }
    }
    const recorder = new Recorder({logEvery: 3});
    await gan.fitDataset(dataset(5), {epochs: 1, callbacks: [recorder, new Every({logEvery: 1})]});
    const mean = (from: number, to: number, name: string) =>
      each.slice(from, to).reduce((sum, logs) => sum + logs[name]!, 0) / (to - from);
    const logs = (from: number, to: number) => ({
      discriminatorLoss: expect.closeTo(mean(from, to, 'discriminatorLoss'), 5) as number,
      generatorLoss: expect.closeTo(mean(from, to, 'generatorLoss'), 5) as number,
      // Of the one step in each that has it: the first and the fifth.
      r1: expect.closeTo(each[from === 0 ? 0 : 4]!.r1!, 5) as number,
    });
    expect(recorder.events).toEqual([
      ...['step 1', 'step 2'],
      [3, logs(0, 3)],
      ...['step 3', 'step 4', 'step 5'],
      [5, logs(3, 5)],
      'closed',
    ]);
  });

  test('is told also where training ends by an error, and leaks nothing', async () => {
    const gan = compiled();
    await gan.fitDataset(dataset(1), {epochs: 1});
    const before = tf.memory().numTensors;
    class Failing extends GanCallback {
      override onBatchEnd(): Promise<void> {
        return this.gan.step === 3 ? Promise.reject(new Error('no more')) : Promise.resolve();
      }
    }
    const recorder = new Recorder({logEvery: 10});
    const training = gan.fitDataset(dataset(4), {epochs: 1, callbacks: [recorder, new Failing()]});
    await expect(training).rejects.toThrow('no more');
    expect(recorder.events).toEqual([
      ...['step 2', 'step 3'],
      [3, {discriminatorLoss: expect.any(Number) as number, generatorLoss: expect.any(Number) as number}],
      'closed',
    ]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('reads a loss once for all that want it equally often', async () => {
    const gan = compiled();
    const read = jest.spyOn(tf.Tensor.prototype, 'data');
    const callbacks = [new Recorder({logEvery: 2}), new Recorder({logEvery: 2}), new Recorder()];
    await gan.fitDataset(dataset(4), {epochs: 1, callbacks});
    // Two losses, twice and for the epoch.
    expect(read).toHaveBeenCalledTimes(6);
    read.mockRestore();
    expect(callbacks.map(({events}) => events.filter(event => typeof event !== 'string').length)).toEqual([2, 2, 0]);
  });

  test.each([-1, 1.5, NaN])('refuses logEvery %s', logEvery => {
    expect(() => new Recorder({logEvery})).toThrow(
      `GanCallback: logEvery must be a whole number of at least 0, but it is ${logEvery}.`,
    );
  });
});
