// Trains a small ESRGAN on a folder of photos and enlarges one picture with it. Copy it and change what you like.
//   node train.js [PHOTOS] [PICTURE]
import * as tf from '@tensorflow/tfjs';
import {
  GAN,
  RelativisticAverageLoss,
  bicubicDownscale,
  bicubicUpscale,
  esrganGenerator,
  l1Loss,
  psnr,
  upscale,
  vggDiscriminator,
} from 'tfjs-ragan';
import {photoDataset, readImage, saveModel, useBackend, writeImage} from 'tfjs-ragan/node';
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

// The sample photos are in a clone of tfjs-ragan only.
const samples = name => fileURLToPath(new URL(`../photos/${name}`, import.meta.url));
const [photos = samples('train'), picture = samples('val/coffee.png')] = process.argv.slice(2);
for (const path of [photos, picture]) {
  if (existsSync(path)) continue;
  console.error(`${path} does not exist; give a folder of photos and a picture: node train.js PHOTOS PICTURE`);
  process.exit(2);
}
const patch = 64;
const batch = 8;

const {backend, reason} = await useBackend('auto');
console.log(`${backend}: ${reason}`);

const gan = new GAN({
  generator: esrganGenerator({scale: 4, filters: 16, growth: 8, blocks: 2, seed: 1}),
  discriminator: vggDiscriminator({size: patch, filters: 8, maxFilters: 32, seed: 2}),
});
const generatorLosses = [{name: 'content', weight: 1, loss: l1Loss}];
const dataset = firstBatch => photoDataset(photos, {patch, batch, scale: 4, seed: 1, firstBatch});
const show = {onEpochEnd: (epoch, logs) => console.log(epoch, logs)};

// First on pixels alone: the critic is not asked.
gan.compile({generatorOptimizer: tf.train.adam(2e-3), discriminatorOptimizer: tf.train.adam(1e-4), generatorLosses});
await gan.fitDataset(dataset(0), {epochs: 6, batchesPerEpoch: 50, adversarial: false, callbacks: show});

// Then against the relativistic critic.
gan.compile({
  generatorOptimizer: tf.train.adam(5e-4, 0.9, 0.99),
  discriminatorOptimizer: tf.train.adam(2e-4, 0.9, 0.99),
  loss: new RelativisticAverageLoss({criterion: 'crossEntropy', axis: 'batch'}),
  adversarialWeight: 1e-2,
  generatorLosses,
});
await gan.fitDataset(dataset(300), {epochs: 3, batchesPerEpoch: 50, callbacks: show});

const truth = await readImage(picture);
const small = bicubicDownscale(truth, 4);
const large = await upscale(gan.generator, small);
const score = image => psnr(image, truth, {crop: 4, channel: 'y'});
console.log('PSNR-Y', await score(large), 'bicubic', await score(bicubicUpscale(small, 4)));
await writeImage('upscaled.png', large);
await saveModel(gan.generator, 'model');
console.log('look at upscaled.png; the model is in model');
