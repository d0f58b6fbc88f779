// Trains a GAN that takes noise out of photos, put together from parts that any GAN can use. Run it again, and it goes on.
//   node train.js [PHOTOS] [RUN] [STEPS]
import * as tf from '@tensorflow/tfjs';
import {GAN, cosine, l1Loss, latents} from 'tfjs-ragan';
import {checkpoints, jsonLog, photoDataset, progressBar, sampleSheets, saveModel, useBackend} from 'tfjs-ragan/node';
import {fileURLToPath} from 'node:url';

const samplePhotos = fileURLToPath(new URL('../photos/train', import.meta.url));
const [photos = samplePhotos, run = 'denoiser', last = '400'] = process.argv.slice(2);
const [patch, batch, steps] = [32, 8, Number(last)];
await useBackend('auto');

// The generator finds what is to be added to a noisy picture; the critic judges a picture beside the noisy one, as in pix2pix.
const {add, concatenate, conv2d, leakyReLU} = tf.layers;
const image = () => tf.input({shape: [null, null, 3]});
/** @returns {any} */
const through = (layer, input) => layer.apply(input);
const convolve = (x, filters, strides = 1) => through(conv2d({filters, strides, kernelSize: 3, padding: 'same'}), x);
const hidden = (x, filters, strides = 1) => through(leakyReLU({alpha: 0.2}), convolve(x, filters, strides));
const [noisy, shown, given] = [image(), image(), image()];
const correction = convolve(hidden(hidden(hidden(noisy, 16), 16), 16), 3);
const generator = tf.model({inputs: noisy, outputs: through(add(), [noisy, correction])});
const features = hidden(hidden(through(concatenate(), [shown, given]), 16, 2), 32, 2);
const discriminator = tf.model({inputs: [shown, given], outputs: convolve(features, 1)});
const gan = new GAN({generator, discriminator});
gan.compile({
  generatorOptimizer: tf.train.adam(),
  discriminatorOptimizer: tf.train.adam(2e-4),
  generatorLearningRate: cosine({rate: 2e-3, steps, warmUp: 10}),
  adversarialWeight: 1e-2,
  generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
});

// Batch i is the same in every run, so one that goes on learns from what it has not seen yet.
const batches = firstBatch =>
  tf.data
    .zip({
      clean: photoDataset(photos, {patch, batch, scale: 1, firstBatch}),
      noise: latents({shape: [patch, patch, 3], batch, firstBatch}),
    })
    .map((/** @type {any} */ {clean: {ys}, noise}) => {
      const xs = tf.add(ys, tf.mul(noise, 0.1));
      return {xs, ys, condition: xs};
    });

const saved = checkpoints(run, {every: 20});
await saved.resume(gan);
/** @type {any[]} */
const [seen] = await batches(1e6).take(1).toArray();
const draw = gan => tf.tidy(() => tf.concat([seen.xs, gan.generator.predict(seen.xs), seen.ys], 2));
const callbacks = [saved, jsonLog(run), sampleSheets(run, {draw, every: 20}), progressBar()];
const left = steps - gan.step;
if (left > 0) await gan.fitDataset(batches(gan.step), {epochs: 1, batchesPerEpoch: left, callbacks});
await saveModel(generator, `${run}/model`);
console.log(`after step ${gan.step}: look at ${run}/samples, or npx tfjs-ragan watch ${run}`);
