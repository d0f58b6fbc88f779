import * as tf from '@tensorflow/tfjs';
import {createHash} from 'node:crypto';
import fs from 'node:fs/promises';
import {readFileSync, readdirSync, truncateSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {GAN, esrganGenerator, l1Loss, vggDiscriminator} from 'tfjs-ragan';
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

  test('of a GAN holds its counters too', async () => {
    const run = compiled();
    await train(run, 0, 3);
    await saveCheckpoint(file('a'), run.gan, {photos: 'mine'});
    const resumed = compiled();
    await loadCheckpoint(file('a'), resumed.gan);
    expect([resumed.gan.step, await readCheckpointState(file('a'))]).toEqual([3, {photos: 'mine'}]);
    await train(run, 3, 5);
    await train(resumed, 3, 5);
    expect(await stateOf(resumed, file('b'))).toBe(await stateOf(run, file('c')));
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

/** A checkpoint as 0.1 reads it into networks, optimizers and powers: by position alone. */
function as01(file: string, {models, optimizers}: ReturnType<typeof compiled>['trained']) {
  const content = readFileSync(file);
  expect(content.toString('latin1', 0, 8)).toBe('TFRAGAN1');
  expect(content.subarray(8, 40)).toEqual(createHash('sha256').update(content.subarray(40)).digest());
  let offset = 44 + content.readUInt32LE(40);
  const header = JSON.parse(content.toString('utf8', 44, offset)) as {
    state: unknown;
    optimizers: Record<string, string>;
    entries: {owner: string; name: string; shape: number[]; dtype: 'float32' | 'int32'}[];
  };
  const all = header.entries.map(({owner, name, shape, dtype}) => {
    const bytes = 4 * tf.util.sizeFromShape(shape);
    const {buffer} = new Uint8Array(content.subarray(offset, offset + bytes));
    offset += bytes;
    return {owner, name, shape, values: [...(dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer))]};
  });
  expect(offset).toBe(content.length);
  const of = (owner: string) => all.filter(entry => entry.owner === owner);
  return {
    state: header.state,
    optimizers: header.optimizers,
    weights: Object.keys(models).map(of),
    moments: Object.keys(optimizers).map(of),
    powers: Object.keys(optimizers).map(owner => of(`${owner} powers`)),
  };
}

/** What a GAN has, in the order in which 0.1 takes it. */
async function held({models, optimizers}: ReturnType<typeof compiled>['trained']) {
  const values = async (tensors: tf.Tensor[]) => Promise.all(tensors.map(async one => [...(await one.data())]));
  const powers = Object.values(optimizers).map(one => {
    const {accBeta1, accBeta2} = one as unknown as Record<'accBeta1' | 'accBeta2', tf.Variable>;
    return values([accBeta1, accBeta2]);
  });
  const moments = Object.values(optimizers).map(async one =>
    values((await one.getWeights()).map(({tensor}) => tensor)),
  );
  return {
    weights: await Promise.all(Object.values(models).map(model => values(model.weights.map(one => one.read())))),
    moments: await Promise.all(moments),
    powers: await Promise.all(powers),
  };
}

describe('a checkpoint of 0.1', () => {
  const valuesOf = ({weights, moments, powers}: ReturnType<typeof as01>) => {
    const only = (all: (typeof weights)[number][]) => all.map(one => one.map(({values}) => values));
    return {weights: only(weights), moments: only(moments), powers: only(powers)};
  };

  test('is read as it was written', async () => {
    const old = join(__dirname, '../../fixtures/checkpoints/0.1.bin');
    const gan = new GAN({
      generator: esrganGenerator({scale: 2, filters: 2, growth: 2, blocks: 1}),
      discriminator: vggDiscriminator({size: 8, filters: 2, maxFilters: 8}),
    });
    const [generatorOptimizer, discriminatorOptimizer] = [tf.train.adam(0.1, 0.9, 0.99), tf.train.adam(0.1, 0.9, 0.99)];
    gan.compile({generatorOptimizer, discriminatorOptimizer, weightAverage: {decay: 0.9}});
    await loadCheckpoint(old, gan);
    expect(await readCheckpointState(old)).toMatchObject({step: 7, settings: {data: 'photos'}});
    const trained = {
      models: {generator: gan.generator, discriminator: gan.discriminator},
      optimizers: {generatorOptimizer, discriminatorOptimizer},
    };
    const read = as01(old, trained);
    expect(read.optimizers).toEqual({generatorOptimizer: 'Adam', discriminatorOptimizer: 'Adam'});
    // The critic has learned in 3 of the 7 steps.
    expect(read.moments.map(([iterations]) => iterations!.values)).toEqual([[7], [3]]);
    expect(await held(trained)).toEqual(valuesOf(read));
  });

  test('is what 0.1 finds in one of today, also of a GAN with an average and a layer that is frozen', async () => {
    const [file, run] = [inFolder('new.bin'), compiled()];
    run.gan.compile({
      generatorOptimizer: run.trained.optimizers.generatorOptimizer,
      discriminatorOptimizer: run.trained.optimizers.discriminatorOptimizer,
      weightAverage: {decay: 0.9},
      capture: false,
    });
    await train(run, 0, 3);
    run.gan.generator.layers[0]!.trainable = false;
    await saveCheckpoint(file, run.gan, {step: 3});
    const read = as01(file, run.trained);
    expect([read.state, read.optimizers]).toEqual([
      {step: 3},
      {generatorOptimizer: 'Adam', discriminatorOptimizer: 'Adam'},
    ]);
    expect(valuesOf(read)).toEqual(await held(run.trained));
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

  test('in which any byte is another, or that ends anywhere, is refused', async () => {
    await saveCheckpoint(file, model(), {});
    const whole = readFileSync(file);
    // All that is not a tensor, and every 7th byte of what is.
    const header = 44 + whole.readUInt32LE(40);
    const places = Array.from(whole.keys()).filter(at => at < header || at % 7 === 0);
    for (const at of places) {
      const altered = Buffer.from(whole);
      altered[at]! ^= 1 << (at % 8);
      writeFileSync(file, altered);
      await expect(readCheckpointState(file)).rejects.toThrow(/it is (damaged or cut short|not a checkpoint)$/);
      writeFileSync(file, whole.subarray(0, at));
      await expect(readCheckpointState(file)).rejects.toThrow(/it is (damaged or cut short|not a checkpoint)$/);
    }
    writeFileSync(file, Buffer.concat([whole, Buffer.alloc(1)]));
    await expect(readCheckpointState(file)).rejects.toThrow('it is damaged or cut short');
    writeFileSync(file, whole);
    expect(await readCheckpointState(file)).toEqual({});
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

  test('is on the disk, and so is its name, before it is said to be', async () => {
    const done: string[] = [];
    const probe = await fs.open(dirname(file));
    const kind = Object.getPrototypeOf(probe) as typeof probe;
    await probe.close();
    const {value: syncing} = Object.getOwnPropertyDescriptor(kind, 'sync') as {
      value: (this: typeof probe) => Promise<void>;
    };
    const original = {rename: fs.rename, sync: syncing};
    const rename = jest.spyOn(fs, 'rename').mockImplementation(async (from, to) => {
      done.push('renamed');
      await original.rename(from, to);
    });
    const sync = jest.spyOn(kind, 'sync').mockImplementation(async function (this: typeof probe) {
      done.push((await this.stat()).isDirectory() ? 'folder' : 'file');
      await original.sync.call(this);
    });
    await saveCheckpoint(file, model(), {});
    expect(done.splice(0)).toEqual(['file', 'renamed', 'folder']);
    // Folders that were made have names in others.
    await saveCheckpoint(`${dirname(file)}/one/two/new.bin`, model(), {});
    rename.mockRestore();
    sync.mockRestore();
    expect(done).toEqual(['file', 'renamed', 'folder', 'folder', 'folder']);
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
