import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions} from 'tfjs-ragan';
import {GAN, cosine, loadGan, r1Penalty, saveGan, wganPenalty} from 'tfjs-ragan';
import {describeOnBackends, tensorFlow} from '../support/backends.js';
import type {Optimizer} from '../support/everything.js';
import {adam, disposeAll, everything, memory, stateOf, trainTo} from '../support/everything.js';
import {weightsOf} from '../support/small-gan.js';

const valuesOf = (layer: tf.layers.Layer) =>
  Promise.all(layer.weights.map(async weight => Array.from(await weight.read().data())));

const OPTIMIZERS: Record<string, Optimizer> = {
  adam,
  adamax: () => tf.train.adamax(0.01),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0.5),
  momentum: () => tf.train.momentum(0.01, 0.9, true),
  adagrad: () => tf.train.adagrad(0.01),
  adadelta: () => tf.train.adadelta(0.5),
  sgd: () => tf.train.sgd(0.01),
};

describeOnBackends('a saved GAN', backend => {
  const captures = backend === tensorFlow;

  type Case = [name: string, optimizer: Optimizer, changed: Partial<GANCompileOptions>];
  test.each<Case>([
    ...Object.entries(OPTIMIZERS)
      // To record a step takes its time; for the others see node/capture/resume.test.ts.
      .filter(([name]) => !captures || name === 'adam')
      .map(([name, optimizer]): Case => [name, optimizer, {}]),
    ['micro-batches', adam, {microBatchSize: 3, penalties: [r1Penalty({gamma: 0.1, every: 3})]}],
    [
      'random numbers',
      adam,
      {seed: 4, instanceNoise: cosine({rate: 0.2, steps: 10}), penalties: [wganPenalty({weight: 0.1, every: 2})]},
    ],
    ...(captures ? [['steps that are not captured', adam, {capture: false}] satisfies Case] : []),
  ])('goes on as if it had not stopped, bit for bit, with %s', async (_, optimizer, changed) => {
    const [whole, stopped] = [everything(optimizer, changed), everything(optimizer, changed)];
    // Some layers begin with random numbers.
    const start = memory();
    await saveGan(whole, start);
    await loadGan(stopped, start);
    const losses = await trainTo(whole, 13);
    // In the middle of the critic's steps, between two penalties and before a milestone, then where one of each ends.
    for (const stop of [5, 8]) {
      await trainTo(stopped, stop);
      const kept = memory();
      await saveGan(stopped, kept, {photos: 'mine'});
      const resumed = everything(optimizer, changed);
      // Whatever it did before.
      await trainTo(resumed, 2);
      expect(await loadGan(resumed, kept)).toEqual({photos: 'mine'});
      expect(resumed.step).toBe(stop);
      expect(await trainTo(resumed, 13)).toEqual(losses.slice(stop));
      expect(await stateOf(resumed)).toEqual(await stateOf(whole));
      disposeAll(resumed);
    }
    if (captures) expect(whole.captureStatus?.state).toBe('capture' in changed ? undefined : 'captured');
    disposeAll(whole);
    disposeAll(stopped);
  });

  test('before its first step, and with the critic not asked yet', async () => {
    for (const last of [0, 3]) {
      const [whole, resumed] = [everything(), everything()];
      const batch = () => [tf.ones([2, 4]), tf.ones([2, 3])] as const;
      for (let i = 0; i < last; i++) await whole.trainOnBatch(...batch(), {adversarial: false});
      const kept = memory();
      await saveGan(whole, kept);
      await loadGan(resumed, kept);
      expect(await trainTo(resumed, 6)).toEqual(await trainTo(whole, 6));
    }
  });

  test('has the weights of layers that are frozen in between', async () => {
    const [frozen, resumed] = [everything(), everything()];
    await trainTo(frozen, 3);
    frozen.generator.layers[1]!.trainable = false;
    const kept = memory();
    await saveGan(frozen, kept);
    await loadGan(resumed, kept);
    const {generator, discriminator} = resumed;
    frozen.generator.layers[1]!.trainable = true;
    expect(await stateOf(resumed)).toEqual(await stateOf(frozen));
    for (const [i, layer] of generator.layers.entries()) {
      expect(await valuesOf(layer)).toEqual(await valuesOf(frozen.generator.layers[i]!));
    }
    expect(await weightsOf(discriminator)).toEqual(await weightsOf(frozen.discriminator));
  });

  test('leaks nothing', async () => {
    const kept = memory();
    const before = tf.memory().numTensors;
    const [one, other] = [everything(), everything()];
    await trainTo(one, 4);
    await trainTo(other, 2);
    const held = tf.memory().numTensors;
    await saveGan(one, kept);
    await loadGan(other, kept);
    await loadGan(other, kept);
    expect(tf.memory().numTensors).toBe(held);
    disposeAll(one);
    disposeAll(other);
    // What counts the steps of each average goes with its GAN, or with the next `compile`.
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 2);
  });

  test('with no average begins one', async () => {
    const averaging = everything();
    const plain = new GAN({generator: averaging.generator, discriminator: averaging.discriminator});
    plain.compile({generatorOptimizer: adam(), discriminatorOptimizer: adam(), capture: false});
    await trainTo(plain, 4);
    const kept = memory();
    await saveGan(plain, kept);
    await trainTo(averaging, 8);
    await loadGan(averaging, kept);
    expect(await weightsOf(averaging.averagedGenerator)).toEqual(await weightsOf(averaging.generator));
    // Of the first step's average a tenth stays, whatever the decay.
    const before = (await weightsOf(averaging.generator))[0]!;
    await trainTo(averaging, 6);
    const [after, average] = [averaging.generator, averaging.averagedGenerator].map(weightsOf);
    const expected = (await after!)[0]!.map((now, i) => 0.1 * before[i]! + 0.9 * now);
    (await average!)[0]!.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  });

  test('that does not fit, is altered, holds NaN or is none is refused, and changes nothing', async () => {
    const gan = everything();
    await trainTo(gan, 2);
    const kept = memory();
    await saveGan(gan, kept);
    const state = await stateOf(gan);
    const place = 'cannot resume from the given handler:';
    await expect(loadGan(everything(adam, {}, 7), kept)).rejects.toThrow(`${place} its generator is another network`);
    const {generator, discriminator} = everything();
    const plain = new GAN({generator, discriminator});
    plain.compile({generatorOptimizer: adam(), discriminatorOptimizer: adam()});
    await expect(loadGan(plain, kept)).rejects.toThrow(
      `${place} it has an average of the generator's weights, which would be lost; set weightAverage in compile()`,
    );
    await expect(loadGan(everything(OPTIMIZERS.sgd), kept)).rejects.toThrow(
      `${place} its generatorOptimizer is Adam, not SGD`,
    );
    const altered = memory();
    altered.artifacts = structuredClone(kept.artifacts!);
    new Uint8Array(altered.artifacts.weightData as ArrayBuffer)[7]! ^= 1;
    await expect(loadGan(gan, altered)).rejects.toThrow(`${place} it is damaged`);
    altered.artifacts = structuredClone(kept.artifacts!);
    const metadata = altered.artifacts.userDefinedMetadata as {checkpoint: string};
    metadata.checkpoint = metadata.checkpoint.replace('"step":2', '"step":3');
    await expect(loadGan(gan, altered)).rejects.toThrow(`${place} it is damaged`);
    altered.artifacts = {modelTopology: {}, weightData: new ArrayBuffer(4)};
    await expect(loadGan(gan, altered)).rejects.toThrow(`${place} it is not a GAN that saveGan saved`);
    await expect(saveGan(gan, 'nowhere://run')).rejects.toThrow(
      'saveGan: nothing can save nowhere://run; give a handler',
    );
    await expect(loadGan(gan, 'nowhere://run')).rejects.toThrow(
      'loadGan: nothing can load nowhere://run; give a handler',
    );
    expect(await stateOf(gan)).toEqual(state);
    tf.tidy(() => void gan.discriminator.weights[0]!.write(tf.fill([3, 5], NaN)));
    const before = kept.artifacts;
    await expect(saveGan(gan, kept)).rejects.toThrow("cannot write the given handler: discriminator's");
    expect(kept.artifacts).toBe(before);
  });
});
