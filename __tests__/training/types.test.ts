import * as tf from '@tensorflow/tfjs';
import type {Callbacks, TrainingBatch} from 'tfjs-ragan';
import {RelativisticAverageLoss, localAveraging, separatePassesStep} from 'tfjs-ragan';
import {activateBackend} from '../support/backends.js';
import {batch, compiled, networks} from '../support/small-gan.js';

// What TypeScript makes of these calls is checked by `npm run types`, strictly.
describe('under strict types', () => {
  beforeAll(() => activateBackend('cpu'));
  const dataset = () => tf.data.array([0, 1]).map(() => ({...batch()})) as tf.data.Dataset<TrainingBatch>;

  class Counter extends tf.Callback {
    epochs = 0;
    override onEpochEnd(): Promise<void> {
      this.epochs++;
      return Promise.resolve();
    }
  }

  test('callbacks need no types of their own, alone or in a list with those of tfjs', async () => {
    const gan = compiled();
    const seen: number[] = [];
    const counter = new Counter();
    await gan.fitDataset(dataset(), {
      epochs: 1,
      callbacks: {onEpochEnd: (epoch, logs) => void seen.push(epoch, logs!.generatorLoss!)},
    });
    await gan.fitDataset(dataset(), {
      epochs: 1,
      callbacks: [
        {onBatchEnd: async (index, logs) => void seen.push(index, await Promise.resolve(logs!.size!))},
        counter,
        tf.callbacks.earlyStopping({monitor: 'generatorLoss'}),
        new tf.CustomCallback({onTrainEnd: () => void seen.push(-1)}),
      ],
    });
    await gan.fitDataset(dataset(), {epochs: 1, callbacks: counter});
    expect(seen).toEqual([0, expect.any(Number), 0, 8, 1, 8, -1]);
    expect(counter.epochs).toBe(2);
  });

  test('a callback under an invented name is an error of types too', async () => {
    // @ts-expect-error: the name is misspelt.
    const callbacks: Callbacks = {onEpochEnds: () => undefined};
    await expect(compiled().fitDataset(dataset(), {epochs: 1, callbacks})).rejects.toThrow(
      "GAN.fitDataset callbacks: unknown option 'onEpochEnds'; did you mean 'onEpochEnd'?",
    );
  });

  test('every optimizer applies the gradients of a step', () => {
    const both = networks();
    const {xs, ys} = batch();
    const objective = {
      loss: new RelativisticAverageLoss(),
      adversarialWeight: 1,
      generatorLosses: [],
      averaging: localAveraging,
    };
    const bias = both.generator.trainableWeights.at(-1)!;
    const {generatorGradients, discriminatorGradients, losses} = separatePassesStep(both, objective, xs, ys);
    const before = bias.read().dataSync().slice();
    const changed = () =>
      bias
        .read()
        .dataSync()
        .some((value, i) => value !== before[i]);
    expect(changed()).toBe(false);
    tf.train.adadelta(1).applyGradients(generatorGradients);
    tf.train.adagrad(1).applyGradients(generatorGradients);
    tf.train.adam(1).applyGradients(generatorGradients);
    tf.train.adamax(1).applyGradients(generatorGradients);
    tf.train.momentum(1, 0.9).applyGradients(generatorGradients);
    tf.train.rmsprop(1).applyGradients(generatorGradients);
    tf.train.sgd(1).applyGradients(discriminatorGradients);
    const any: tf.Optimizer = tf.train.sgd(1);
    any.applyGradients(discriminatorGradients);
    const asTensors: tf.NamedTensorMap = generatorGradients;
    expect(changed()).toBe(true);
    tf.dispose([asTensors, discriminatorGradients, losses]);
  });
});
