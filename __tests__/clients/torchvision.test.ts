import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {perceptualLoss, readSafetensors, vgg19Features} from 'tfjs-ragan';
import {activateBackend} from '../support/backends.js';
import {temporaryFolder} from '../support/temporary-folder.js';
import {expectClose, valuesOf} from '../support/values.js';

const clients = process.env.TFJS_RAGAN_CLIENTS;
const inFolder = temporaryFolder();

interface Told {
  picture: number[];
  conv5_4: number[];
  gradient: number[];
}

// It needs torchvision, which spandrel brings, by `npm run test:clients`.
(clients === undefined ? describe.skip : describe)("torchvision's VGG19", () => {
  test("by the documentation's lines gives the features and the gradient that it has there", async () => {
    await activateBackend('wasm');
    const page = readFileSync(join(__dirname, '../../docs/perceptual-losses.md'), 'utf8');
    const [, lines] = /^```\n(import torchvision.*?)^```$/ms.exec(page)!;
    const python = join(clients!, 'python/bin/python');
    const script = join(__dirname, '../support/torchvision-vgg19.py');
    const told = JSON.parse(
      execFileSync(python, [script], {encoding: 'utf8', cwd: inFolder('.'), input: lines!}),
    ) as Told;
    const {tensors} = readSafetensors(readFileSync(inFolder('vgg19.safetensors')));
    const features = vgg19Features({weights: tensors});
    const picture = tf.tensor4d(told.picture, [1, 32, 48, 3]);
    expectClose(await valuesOf(features(picture, ['conv5_4']).conv5_4!), told.conv5_4, 1e-5);
    // Against features of zero, the loss is the mean of their magnitudes.
    const loss = perceptualLoss({features: (images, names) => (images === nothing ? zeros : features(images, names))});
    const nothing = tf.zerosLike(picture);
    const zeros = {conv5_4: tf.zeros([1, 2, 3, 512])};
    expectClose(await valuesOf(tf.grad(x => loss(nothing, x))(picture)), told.gradient, 1e-4);
  }, 120_000);
});
