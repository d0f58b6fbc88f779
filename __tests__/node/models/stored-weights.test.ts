import * as tf from '@tensorflow/tfjs';
import {existsSync, readFileSync} from 'node:fs';
import {esrganGenerator} from 'tfjs-ragan';
import {loadModel, saveModel} from 'tfjs-ragan/node';
import type {SaveModelOptions} from 'tfjs-ragan/node';
import {describeOnBackends} from '../../support/backends.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const make = () => esrganGenerator({scale: 2, filters: 4, growth: 2, blocks: 1, seed: 1});
const valuesOf = (model: tf.LayersModel) => Promise.all(model.weights.map(weight => weight.read().data()));
const bytesOf = (folder: string) => readFileSync(`${folder}/weights.bin`).length;

/** A layer that counts in whole numbers, as some do beside those that are trained. */
class Counting extends tf.layers.Layer {
  static className = 'Counting';
  override build(shape: tf.Shape): void {
    this.addWeight('count', [3], 'int32', tf.initializers.zeros(), undefined, false);
    this.addWeight('slope', [1], 'float32', tf.initializers.zeros());
    super.build(shape);
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return [inputs].flat()[0]!.clone();
  }
}
tf.serialization.registerClass(Counting);

describeOnBackends('saved weights', backend => {
  test.each([
    ['float32', 1],
    ['float16', 1 / 2],
    ['uint8', 1 / 3],
  ] as const)('of %s come back as near as that is, and leak nothing', async (weights, share) => {
    const model = make();
    const folder = inFolder(`${backend}-${weights}`);
    const {numTensors} = tf.memory();
    await saveModel(model, folder, {format: 'tfjs', weights});
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(bytesOf(folder)).toBeLessThanOrEqual(model.countParams() * 4 * share);
    const loaded = await loadModel(folder);
    const [before, after] = [await valuesOf(model), await valuesOf(loaded)];
    before.forEach((values, i) => {
      const isBias = model.weights[i]!.shape.length < 2;
      const step = (Math.max(0, ...values) - Math.min(0, ...values)) / 255;
      values.forEach((value, j) => {
        const off = Math.abs(after[i]![j]! - value);
        if (weights === 'float32' || (weights === 'uint8' && isBias)) expect(off).toBe(0);
        // Half of the last bit, which for the smallest numbers is 2^-24.
        else if (weights === 'float16') expect(off).toBeLessThanOrEqual(Math.max(Math.abs(value) / 2048, 2 ** -25));
        else expect(off).toBeLessThanOrEqual(step * 0.501);
      });
    });
    model.dispose();
    loaded.dispose();
  });

  test('of zero are exactly zero, whatever they are stored as', async () => {
    const model = make();
    const values = Float32Array.from({length: 108}, (_, i) => (i % 3) - 0.7 * (i % 2));
    tf.tidy(() => {
      model.weights[0]!.write(tf.tensor(values, [3, 3, 3, 4]));
    });
    const zeros = (values: ArrayLike<number>) => Array.from(values, value => value === 0);
    const [before] = await valuesOf(model);
    expect(zeros(before!)).toContain(true);
    await saveModel(model, inFolder('zeros'), {weights: 'uint8'});
    const loaded = await loadModel(inFolder('zeros'));
    const [after] = await valuesOf(loaded);
    expect(zeros(after!)).toEqual(zeros(before!));
    model.dispose();
    loaded.dispose();
  });

  test('that are whole numbers stay as they are', async () => {
    const model = tf.sequential({layers: [new Counting({inputShape: [2]})]});
    tf.tidy(() => {
      model.setWeights([tf.tensor1d([0.1]), tf.tensor1d([1, 2, 70_001], 'int32')]);
    });
    for (const weights of ['float16', 'uint8'] as const) {
      await saveModel(model, inFolder('counting'), {weights});
      const loaded = await loadModel(inFolder('counting'));
      const [slope, count] = await valuesOf(loaded);
      expect(Array.from(count!)).toEqual([1, 2, 70_001]);
      expect(slope![0]).toBeCloseTo(0.1, 4);
      loaded.dispose();
    }
    model.dispose();
  });

  test('too large for float16 are named, and nothing is written', async () => {
    const model = make();
    const last = model.weights.at(-1)!;
    tf.tidy(() => {
      last.write(tf.tensor1d([1, 65504, -65536]));
    });
    await expect(saveModel(model, inFolder('large'), {weights: 'float16'})).rejects.toThrow(
      `cannot save a model to ${inFolder('large')}: its weight ${last.originalName} holds -65536, for which float16 has no ` +
        'room; use float32',
    );
    expect(existsSync(inFolder('large'))).toBe(false);
    model.dispose();
  });
});

test('the model in the box, saved again in 16 bits, has the same bytes', async () => {
  const model = await loadModel('models/x4');
  await saveModel(model, inFolder('box'), {weights: 'float16'});
  expect(readFileSync(`${inFolder('box')}/weights.bin`).equals(readFileSync('models/x4/weights.bin'))).toBe(true);
});

test.each([
  [{format: 'pickle'}, 'saveModel: format must be one of "tfjs", "upscalerjs", "safetensors", "onnx", but it is "pickle".'],
  [{weights: 'int4'}, 'saveModel: weights for the format tfjs must be one of "float32", "float16", "uint8", but it is "int4".'],
])('%j is refused', async (options, message) => {
  await expect(saveModel(make(), inFolder('refused'), options as SaveModelOptions)).rejects.toThrow(message);
});
