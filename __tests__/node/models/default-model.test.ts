import * as tf from '@tensorflow/tfjs';
import {loadDefaultModel} from '../../../src/node/models/default-model.js';
import {disposePhotos, evaluatePhoto, validationPhoto} from '../../../src/node/runs/evaluation.js';
import {describeOnBackends} from '../../support/backends.js';

describeOnBackends('the model in the box', () => {
  test('is nearer to a photo that it has not seen than bicubic, and sharper', async () => {
    const {numTensors} = tf.memory();
    const model = await loadDefaultModel({sharpness: 0});
    const photo = await validationPhoto('examples/photos/val/coffee.png', 4, 128);
    const {model: own, bicubic} = await evaluatePhoto(model, photo, 4);
    expect(own.psnrY).toBeGreaterThan(bicubic.psnrY + 1);
    expect(own.ssimY).toBeGreaterThan(bicubic.ssimY);
    expect(own.sharpness).toBeGreaterThan(bicubic.sharpness);
    disposePhotos([photo]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('is sharper the more of it is asked for, and on average as near as bicubic', async () => {
    const photo = await validationPhoto('examples/photos/val/coffee.png', 4, 128);
    const found = [];
    for (const sharpness of [0, 0.5, undefined, 1]) {
      const model = await loadDefaultModel(sharpness === undefined ? {} : {sharpness});
      found.push(await evaluatePhoto(model, photo, 4));
      model.dispose();
    }
    disposePhotos([photo]);
    const sharpness = found.map(({model}) => model.sharpness);
    expect(sharpness).toEqual([...sharpness].sort((a, b) => a - b));
    expect(new Set(sharpness).size).toBe(4);
    for (const {model, bicubic} of found) expect(model.psnrY).toBeGreaterThan(bicubic.psnrY);
  });

  test('refuses a sharpness out of range', async () => {
    await expect(loadDefaultModel({sharpness: 2})).rejects.toThrow('sharpness must be from 0 to 1, but it is 2');
  });
});
