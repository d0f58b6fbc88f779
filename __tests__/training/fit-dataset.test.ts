import * as tf from '@tensorflow/tfjs';
import type {TrainingBatch} from 'tfjs-ragan';
import {activateBackend} from '../support/backends.js';
import {batch, compiled, content, weightsOf} from '../support/small-gan.js';

describe('fitDataset', () => {
  beforeAll(() => activateBackend('cpu'));
  const of = (element: () => tf.TensorContainer, batches = 4) =>
    tf.data.array(Array.from({length: batches}, (_, i) => i)).map(element) as tf.data.Dataset<TrainingBatch>;
  const dataset = (batches = 4) => of(() => batch(), batches);

  test('calls back as tfjs does and gives the history', async () => {
    const gan = compiled({generatorLosses: [content]});
    const events: string[] = [];
    const history = await gan.fitDataset(dataset(), {
      epochs: 2,
      callbacks: {
        onTrainBegin: () => void events.push('begin'),
        onEpochBegin: (epoch: number) => void events.push(`epoch ${epoch}`),
        onBatchEnd: (index: number, logs?: tf.Logs) => void events.push(`${index} ${typeof logs?.discriminatorLoss}`),
        onEpochEnd: (epoch: number, logs?: tf.Logs) =>
          void events.push(`end ${epoch} ${Object.keys(logs ?? {}).join()}`),
        onTrainEnd: () => void events.push('done'),
      },
    });
    const batches = [0, 1, 2, 3].map(i => `${i} number`);
    const end = (epoch: number) => `end ${epoch} discriminatorLoss,generatorLoss,content`;
    expect(events).toEqual(['begin', 'epoch 0', ...batches, end(0), 'epoch 1', ...batches, end(1), 'done']);
    expect(history.epoch).toEqual([0, 1]);
    expect(history.history.content).toHaveLength(2);
  });

  test('gives the weights and mean losses that trainOnBatch gives', async () => {
    const [fitted, stepped] = [compiled(), compiled()];
    const {history} = await fitted.fitDataset(dataset(3), {epochs: 1});
    const losses = [];
    for (let i = 0; i < 3; i++) losses.push((await stepped.trainOnBatch(batch().xs, batch().ys)).discriminatorLoss!);
    expect(await weightsOf(fitted.generator)).toEqual(await weightsOf(stepped.generator));
    expect(history.discriminatorLoss![0]).toBeCloseTo(losses.reduce((a, b) => a + b) / 3, 5);
  });

  test('leaks nothing and reads no loss before the epoch ends unless asked', async () => {
    const gan = compiled();
    await gan.fitDataset(dataset(), {epochs: 1});
    const read = jest.spyOn(tf.Tensor.prototype, 'data');
    const before = tf.memory().numTensors;
    let reads = 0;
    await gan.fitDataset(dataset(), {
      epochs: 1,
      callbacks: {onBatchBegin: () => void (reads = read.mock.calls.length)},
    });
    read.mockRestore();
    expect(reads).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('stops early through a tfjs callback, and by stopTraining', async () => {
    const gan = compiled({generatorOptimizer: tf.train.sgd(0), discriminatorOptimizer: tf.train.sgd(0)});
    const stopper = tf.callbacks.earlyStopping({monitor: 'generatorLoss', patience: 1});
    expect((await gan.fitDataset(dataset(), {epochs: 20, callbacks: stopper})).epoch.length).toBeLessThan(4);
    let batches = 0;
    await gan.fitDataset(dataset(), {
      epochs: 3,
      callbacks: {onBatchEnd: () => void (gan.stopTraining = ++batches === 2)},
    });
    expect(batches).toBe(2);
  });

  test('says so when the dataset is too short', async () => {
    await expect(compiled().fitDataset(dataset(2), {epochs: 1, batchesPerEpoch: 3})).rejects.toThrow(
      'the dataset ended after 2 batches of epoch 0',
    );
    await expect(compiled().fitDataset(dataset(2), {epochs: 0})).rejects.toThrow(
      'epochs must be a whole number of at least 1, but it is 0',
    );
  });

  test.each(['onBatchBegin', 'onBatchEnd'])('leaks nothing when %s throws', async name => {
    const gan = compiled();
    await gan.fitDataset(dataset(), {epochs: 1});
    const before = tf.memory().numTensors;
    const callbacks = {
      [name]: () => {
        throw new Error('no more');
      },
    };
    await expect(gan.fitDataset(dataset(), {epochs: 1, callbacks})).rejects.toThrow('no more');
    expect(tf.memory().numTensors).toBe(before);
  });

  test("gives batch callbacks tfjs's batch and size, and keeps them out of the epoch's losses", async () => {
    const seen: unknown[] = [];
    const note = (_: number, logs?: tf.Logs) => void seen.push({...logs});
    const {history} = await compiled().fitDataset(dataset(2), {
      epochs: 1,
      callbacks: {onBatchBegin: note, onBatchEnd: note},
    });
    const losses = {discriminatorLoss: expect.any(Number) as number, generatorLoss: expect.any(Number) as number};
    const of = (index: number) => [
      {batch: index, size: 8},
      {batch: index, size: 8, ...losses},
    ];
    expect(seen).toEqual([...of(0), ...of(1)]);
    expect(Object.keys(history)).toEqual(['discriminatorLoss', 'generatorLoss']);
  });

  test('calls onYield with the losses so far', async () => {
    // A clock on which every look is a second later.
    let now = 0;
    const onYield = jest.fn();
    await compiled().fitDataset(dataset(2), {epochs: 1, callbacks: {onYield, nowFunc: () => (now += 1000)}});
    expect(onYield).toHaveBeenCalledWith(
      0,
      1,
      expect.objectContaining({discriminatorLoss: expect.any(Number) as number}),
    );
  });

  test.each<[string, () => tf.TensorContainer, string]>([
    ['arrays', () => [tf.ones([2, 4]), tf.ones([2, 3])], 'an array'],
    ['other names', () => ({x: tf.ones([2, 4]), ys: tf.ones([2, 3])}), '{x, ys}'],
    ['single tensors', () => tf.ones([2, 4]), 'a single value'],
  ])('refuses %s, and leaks none', async (_, element, found) => {
    const gan = compiled();
    const before = tf.memory().numTensors;
    await expect(gan.fitDataset(of(element), {epochs: 1})).rejects.toThrow(
      `each element of the dataset must be {xs, ys}, a tensor each, but one is ${found}; make it so with`,
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses an initial epoch that is none', async () => {
    await expect(compiled().fitDataset(dataset(), {epochs: 1, initialEpoch: -1.5})).rejects.toThrow(
      'initialEpoch must be a whole number of at least 0, but it is -1.5',
    );
  });
});
