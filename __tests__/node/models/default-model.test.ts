import * as tf from '@tensorflow/tfjs';
import {loadDefaultModel} from '../../../src/node/models/default-model.js';
import {disposePhotos, evaluatePhoto, validationPhoto} from '../../../src/node/runs/evaluation.js';
import {describeOnBackends} from '../../support/backends.js';

describeOnBackends('the model in the box', () => {
  test('is nearer to a photo that it has not seen than bicubic, and sharper', async () => {
    const {numTensors} = tf.memory();
    const model = await loadDefaultModel();
    const photo = await validationPhoto('examples/photos/val/coffee.png', 4, 128);
    const {model: own, bicubic} = await evaluatePhoto(model, photo, 4);
    expect(own.psnrY).toBeGreaterThan(bicubic.psnrY + 1);
    expect(own.ssimY).toBeGreaterThan(bicubic.ssimY);
    expect(own.sharpness).toBeGreaterThan(bicubic.sharpness);
    disposePhotos([photo]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
