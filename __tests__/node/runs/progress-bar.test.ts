import * as tf from '@tensorflow/tfjs';
import {Writable} from 'node:stream';
import {progressBar} from 'tfjs-ragan/node';
import type {ProgressBarOptions} from 'tfjs-ragan/node';
import {describeOnBackends} from '../../support/backends.js';
import {batch, compiled} from '../../support/small-gan.js';

/** What a terminal of 100 columns, or a file, is sent. */
function output(isTTY: boolean) {
  const sent: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      sent.push(chunk.toString());
      done();
    },
  });
  return {
    stream: Object.assign(stream, {isTTY, columns: 100}) as unknown as NodeJS.WriteStream,
    text: () => sent.join(''),
  };
}
const dataset = () =>
  tf.data.generator(function* () {
    for (;;) yield batch();
  });
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

describeOnBackends('progressBar', () => {
  afterEach(() => jest.restoreAllMocks());

  /** Trains by a clock on which each batch takes 2 seconds. */
  const trained = async (isTTY: boolean, options: ProgressBarOptions, {step = 0, epochs = 2, steps = 4} = {}) => {
    const {stream, text} = output(isTTY);
    let now = 1e6;
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    const gan = compiled();
    gan.step = step;
    const bar = progressBar({output: stream, logEvery: 2, ...options});
    const clock = new (class extends tf.Callback {
      override onBatchBegin() {
        now += 2000;
        return Promise.resolve();
      }
    })();
    const say = {onEpochEnd: (epoch: number) => bar.say(`epoch ${epoch}`)};
    await gan.fitDataset(dataset(), {epochs, batchesPerEpoch: steps, callbacks: [clock, bar, say]});
    gan.dispose();
    return text();
  };

  test('tells a file in plain lines how far it is, and what it is told to say', async () => {
    const text = await trained(false, {label: 'digits'});
    const [first, between, second, end, last] = text.split('\n');
    expect(first).toMatch(/^digits 3\/8 {2}4\.0 images\/s {2}10s left {2}D [\d.]+ {2}G [\d.]+$/);
    expect(second).toMatch(/^digits 6\/8 {2}4\.0 images\/s {2}4s left {2}D [\d.]+ {2}G [\d.]+$/);
    expect([between, end, last]).toEqual(['epoch 0', 'epoch 1', '']);
  });

  test('draws a bar in a terminal, and gives the terminal back', async () => {
    const text = await trained(true, {steps: 40}, {step: 20});
    expect(text).toContain(HIDE_CURSOR);
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
    expect(text).toMatch(/training \S+ 28\/40 {2}4\.0 images\/s {2}24s left {2}D/);
    expect(text).toContain('epoch 0');
  });

  test('gives the terminal back when training fails, and holds no tensor', async () => {
    const {stream, text} = output(true);
    const gan = compiled();
    await gan.trainOnBatch(batch().xs, batch().ys);
    const before = tf.memory().numTensors;
    const broken = tf.data.generator(function* () {
      yield batch();
      yield batch();
    });
    const callbacks = progressBar({output: stream});
    await expect(gan.fitDataset(broken, {epochs: 1, batchesPerEpoch: 3, callbacks})).rejects.toThrow('ended after 2');
    expect(text()).toContain(HIDE_CURSOR);
    expect(text().lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text().lastIndexOf(HIDE_CURSOR));
    expect(tf.memory().numTensors).toBe(before);
    gan.dispose();
  });

  test('counts the steps where nobody knows how many there are', async () => {
    const {stream, text} = output(false);
    let now = 1e6;
    jest.spyOn(Date, 'now').mockImplementation(() => (now += 4000));
    const gan = compiled();
    await gan.fitDataset(dataset().take(4), {epochs: 1, callbacks: progressBar({output: stream, logEvery: 1})});
    gan.dispose();
    expect(text()).toMatch(/^training \d {2}\d+\.\d images\/s {2}D/);
  });
});

test('progressBar refuses what it cannot do', () => {
  for (const count of [0, -1, 1.5, NaN]) {
    expect(() => progressBar({logEvery: count})).toThrow('progressBar: logEvery must be a whole number of at least 1');
    expect(() => progressBar({steps: count})).toThrow('progressBar: steps must be a whole number of at least 1');
  }
});
