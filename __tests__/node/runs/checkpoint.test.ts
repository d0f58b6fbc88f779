import * as tf from '@tensorflow/tfjs';
import {createHash} from 'node:crypto';
import fs from 'node:fs/promises';
import {readFileSync, readdirSync, truncateSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {GAN, l1Loss} from 'tfjs-ragan';
import {loadCheckpoint, readCheckpointState, saveCheckpoint} from 'tfjs-ragan/node';
import {describeOnBackends} from '../../support/backends.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

function compiled(units = 3, optimizer = () => tf.train.adam(0.01, 0.9, 0.99) as tf.Optimizer) {
  const dense = (inputs: number, outputs: number, seed: number) =>
    tf.layers.dense({
      units: outputs,
      inputShape: [inputs],
      kernelInitializer: tf.initializers.glorotNormal({seed}),
    });
  const gan = new GAN({
    generator: tf.sequential({layers: [dense(4, units, 1), tf.layers.batchNormalization(), dense(units, 3, 2)]}),
    discriminator: tf.sequential({layers: [dense(3, 5, 3), tf.layers.leakyReLU({alpha: 0.2}), dense(5, 1, 4)]}),
  });
  const [generatorOptimizer, discriminatorOptimizer] = [optimizer(), optimizer()];
  gan.compile({
    generatorOptimizer,
    discriminatorOptimizer,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
    // A captured step rounds otherwise than the two that a run, and a resumed one, begins with: see docs/captured-steps.md.
    capture: false,
  });
  const trained = {
    models: {generator: gan.generator, discriminator: gan.discriminator},
    optimizers: {generatorOptimizer, discriminatorOptimizer},
  };
  return {gan, trained};
}

/** Steps number `from` to `to`, each on a batch of its own. */
async function train({gan}: ReturnType<typeof compiled>, from: number, to: number, adversarial = true) {
  for (let step = from; step < to; step++) {
    // To tfjs a seed of 0 is none.
    const normal = (size: number, seed: number) => tf.randomNormal([8, size], 0, 1, 'float32', seed);
    const [xs, ys] = [normal(4, step + 1), normal(3, step + 1000)];
    await gan.trainOnBatch(xs, ys, {adversarial});
    tf.dispose([xs, ys]);
  }
}

/** All weights and states, bit for bit. */
async function stateOf({trained}: ReturnType<typeof compiled>, file: string) {
  await saveCheckpoint(file, trained, null);
  const content = readFileSync(file);
  // Names of variables differ from model to model; positions and values count.
  const header = 44 + content.readUInt32LE(40);
  return content.subarray(header).toString('base64');
}

describeOnBackends('a checkpoint', backend => {
  const file = (name: string) => inFolder(backend, name);

  test.each([
    [0, 3],
    [5, 4],
    [40, 3],
  ])('after %s steps goes on for %s as if there had been no stop, bit for bit', async (before, after) => {
    const whole = compiled();
    // A warm-up first, as in a run: then the critic's optimizer has not stepped yet.
    await train(whole, 0, Math.ceil(before / 2), false);
    await train(whole, Math.ceil(before / 2), before);
    await saveCheckpoint(file('a'), whole.trained, {step: before});
    await train(whole, before, before + after);
    const resumed = compiled();
    await loadCheckpoint(file('a'), resumed.trained);
    expect(await readCheckpointState(file('a'))).toEqual({step: before});
    await train(resumed, before, before + after);
    expect(await stateOf(resumed, file('b'))).toBe(await stateOf(whole, file('c')));
  });

  test('leaks nothing, and everything can be freed after', async () => {
    const run = compiled();
    await train(run, 0, 2);
    await saveCheckpoint(file('a'), run.trained, null);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) await saveCheckpoint(file('a'), run.trained, null);
    expect(tf.memory().numTensors).toBe(before);
    const fresh = compiled();
    await loadCheckpoint(file('a'), fresh.trained);
    await train(fresh, 2, 3);
    for (const model of Object.values(fresh.trained.models)) model.dispose();
    for (const optimizer of Object.values(fresh.trained.optimizers)) optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('of another network or optimizer is refused, and changes nothing', async () => {
    const run = compiled();
    await train(run, 0, 1);
    await saveCheckpoint(file('a'), run.trained, null);
    for (const [other, reason] of [
      [compiled(6), 'its generator is another network than the one asked for'],
      [compiled(3, () => tf.train.rmsprop(0.1)), 'its generatorOptimizer is Adam, not RMSProp'],
    ] as const) {
      const state = await stateOf(other, file('b'));
      await expect(loadCheckpoint(file('a'), other.trained)).rejects.toThrow(
        `cannot resume from ${file('a')}: ${reason}`,
      );
      expect(await stateOf(other, file('b'))).toBe(state);
    }
  });

  test.each([NaN, Infinity, -Infinity])('of %s is not written, and the one before stays', async bad => {
    const run = compiled();
    await train(run, 0, 1);
    const {generator} = run.trained.models;
    const {generatorOptimizer} = run.trained.optimizers;
    const good = generator.getWeights().map(weight => weight.clone());
    await saveCheckpoint(file('good'), run.trained, {step: 1});
    const whole = readFileSync(file('good'));
    const before = tf.memory().numTensors;
    const refused = async (what: string) => {
      await expect(saveCheckpoint(file('good'), run.trained, {step: 2})).rejects.toThrow(
        new RegExp(`^cannot write ${file('good')}: ${what} holds ${bad}$`),
      );
      expect(readFileSync(file('good')).equals(whole)).toBe(true);
    };
    // A weight that is not trained, in the middle of good ones.
    const [mean] = generator.layers[1]!.nonTrainableWeights;
    tf.tidy(() => {
      mean!.write(tf.tensor1d([0, bad, 1]));
    });
    await refused("generator's batch_normalization.*/moving_mean");
    generator.setWeights(good);
    const [iterations, moment] = await generatorOptimizer.getWeights();
    tf.tidy(() => (moment!.tensor as tf.Variable).assign(tf.fill(moment!.tensor.shape, bad)));
    iterations!.tensor.dispose();
    await refused("generatorOptimizer's .*/m");
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a checkpoint file', () => {
  const file = inFolder('file', 'checkpoint.bin');
  const model = () => ({models: {generator: compiled().gan.generator}, optimizers: {}});
  const refusal = (reason: string) => `cannot read the checkpoint ${file}: ${reason}`;

  test('that is missing, damaged, cut short or something else is named in one line', async () => {
    await expect(readCheckpointState(file)).rejects.toThrow(refusal('it does not exist'));
    await saveCheckpoint(file, model(), {});
    const {length} = readFileSync(file);
    const damaged = readFileSync(file);
    damaged[length - 3]! ^= 1;
    writeFileSync(file, damaged);
    await expect(loadCheckpoint(file, model())).rejects.toThrow(refusal('it is damaged or cut short'));
    for (const size of [length - 1, 300, 42, 10]) {
      await saveCheckpoint(file, model(), {});
      truncateSync(file, size);
      await expect(loadCheckpoint(file, model())).rejects.toThrow(refusal('it is damaged or cut short'));
    }
    for (const content of ['', 'something else']) {
      writeFileSync(file, content);
      await expect(readCheckpointState(file)).rejects.toThrow(refusal('it is not a checkpoint'));
    }
  });

  test('that holds NaN is refused, and changes nothing', async () => {
    await saveCheckpoint(file, model(), {});
    const content = readFileSync(file);
    content.writeFloatLE(NaN, content.length - 4);
    createHash('sha256').update(content.subarray(40)).digest().copy(content, 8);
    writeFileSync(file, content);
    const trained = model();
    const weights = () => trained.models.generator.getWeights().map(weight => weight.arraySync());
    const before = weights();
    await expect(loadCheckpoint(file, trained)).rejects.toThrow(
      /^cannot resume from .*checkpoint\.bin: generator's .* holds NaN$/,
    );
    expect(weights()).toEqual(before);
  });

  test.each(['writeFile', 'rename'] as const)('that cannot be written leaves the last one alone (%s)', async call => {
    await saveCheckpoint(file, model(), {step: 1});
    const original = fs.writeFile;
    const spy = jest.spyOn(fs, call as 'writeFile').mockImplementation(async path => {
      // A part gets onto the disk before it is full.
      if (call === 'writeFile') await original(path, 'half');
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC'});
    });
    await expect(saveCheckpoint(file, model(), {step: 2})).rejects.toThrow(
      `cannot write ${file}: no space is left on the disk`,
    );
    spy.mockRestore();
    expect(await readCheckpointState(file)).toEqual({step: 1});
    expect(readdirSync(dirname(file))).toEqual(['checkpoint.bin']);
  });

  test('where a file stands in the way of its folder is refused in one line', async () => {
    writeFileSync(inFolder('in-the-way'), '');
    for (const path of [`${inFolder('in-the-way')}/checkpoint.bin`, `${inFolder('in-the-way')}/below/checkpoint.bin`]) {
      await expect(saveCheckpoint(path, model(), {})).rejects.toThrow(
        /^cannot write .*: (a file of that name is in the way|part of the path is not a folder)$/,
      );
    }
  });
});
