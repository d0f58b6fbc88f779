import * as tf from '@tensorflow/tfjs';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {loadModel} from 'tfjs-ragan/node';
import {describeOnBackends} from '../../support/backends.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

interface Values {
  shape: number[];
  values: number[];
}
interface Fixture {
  model: tf.io.ModelJSON;
  weights: string;
  inputs: Values[];
  outputs: Values[];
}

/** A model of Keras 3 with what it makes there: see `__tests__/fixtures/keras3/make.py`. */
const read = (name: string) =>
  JSON.parse(readFileSync(join(__dirname, '../../fixtures/keras3', `${name}.json`), 'utf8')) as Fixture;

function write(model: unknown, weights: string): string {
  mkdirSync(inFolder('model'), {recursive: true});
  writeFileSync(inFolder('model', 'model.json'), JSON.stringify(model));
  writeFileSync(inFolder('model', 'group1-shard1of1.bin'), Buffer.from(weights, 'base64'));
  return inFolder('model');
}

describeOnBackends('a model of Keras 3', () => {
  test.each(['functional', 'sequential', 'several'])('makes what it makes there: %s', async name => {
    const {model, weights, inputs, outputs} = read(name);
    const loaded = await loadModel(write(model, weights));
    const results = tf.tidy(() => [loaded.predict(inputs.map(({shape, values}) => tf.tensor(values, shape)))].flat());
    expect(results.map(({shape}) => shape)).toEqual(outputs.map(({shape}) => shape));
    for (const [i, {values}] of outputs.entries()) {
      const made = await results[i]!.data();
      values.forEach((value, j) => expect(made[j]).toBeCloseTo(value, 4));
    }
    tf.dispose(results);
    loaded.dispose();
  });
});

describe('a model of Keras 3 that TensorFlow.js cannot compute', () => {
  const {model, weights} = read('functional');
  test.each([
    [
      /"groups":1/,
      '"groups":2',
      'its layer first_conv (Conv2D) has groups 2, with which TensorFlow.js computes something else',
    ],
    [
      /"interpolation":"nearest"/,
      '"interpolation":"bilinear"',
      'its layer up_sampling2d (UpSampling2D) has interpolation bilinear, with',
    ],
    [
      '"args":[[{"class_name"',
      '"args":[0.2,[{"class_name"',
      'its layer add (Add) is an operation, or is called with more than its inputs, which TensorFlow.js does not know; ' +
        'build the model of layers alone',
    ],
    [/"class_name":"Concatenate"/, '"class_name":"Telescope"', 'its layer Telescope is none that TensorFlow.js has'],
    [/"activation":"gelu"/, '"activation":"sparse_plus"', 'its activation sparsePlus is none that TensorFlow.js has'],
  ])('is refused: %s', async (from, to, reason) => {
    const changed = JSON.parse(JSON.stringify(model).replace(from, to)) as unknown;
    expect(changed).not.toEqual(model);
    await expect(loadModel(write(changed, weights))).rejects.toThrow(
      `cannot load a model from ${inFolder('model', 'model.json')}: ${reason}`,
    );
  });
});
