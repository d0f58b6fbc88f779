#!/usr/bin/env node
// Measures how much of a training step is spent waiting for data, with bicubic shrinking and with Real-ESRGAN's degradations.
import * as tf from '@tensorflow/tfjs';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {GAN, esrganGenerator, l1Loss, vggDiscriminator} from 'tfjs-ragan';
import {photoDataset, realEsrganDegradation, useBackend} from 'tfjs-ragan/node';

const HELP = `Usage: node bench/data.js [options]

Trains a small ESRGAN on photos and tells which part of a step's time it waits for the next batch.

  --data FOLDER    photos (default: the sample photos)
  --backend NAME   auto, cuda, tensorflow, wasm or another of useBackend's (default auto)
  --patch N        pixels of a patch (default 64)
  --batch N        patches in a batch (default 8)
  --steps N        that are measured, after two that are not (default 20)
  --help           print this`;

const {values} = parseArgs({
  options: {
    data: {type: 'string', default: fileURLToPath(new URL('../examples/photos/train', import.meta.url))},
    backend: {type: 'string', default: 'auto'},
    patch: {type: 'string', default: '64'},
    batch: {type: 'string', default: '8'},
    steps: {type: 'string', default: '20'},
    help: {type: 'boolean', default: false},
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [patch, batch, steps] = [values.patch, values.batch, values.steps].map(Number);
const {backend, reason} = await useBackend(values.backend);
console.log(`${backend}: ${reason}; batches of ${batch} patches of ${patch} pixels`);
for (const [name, options] of [
  ['bicubic', {}],
  ['real-esrgan', {degradation: realEsrganDegradation()}],
]) {
  const {waited, whole} = await measure({patch, batch, seed: 1, ...options});
  const share = ((100 * waited) / whole).toFixed(1);
  console.log(
    `${name.padEnd(12)} ${(whole / steps).toFixed(0).padStart(6)} ms a step, ${share} % of it waiting for data`,
  );
}

async function measure(options) {
  const gan = new GAN({
    generator: esrganGenerator({filters: 32, growth: 16, blocks: 2, seed: 1}),
    discriminator: vggDiscriminator({size: options.patch, filters: 32, maxFilters: 128, seed: 2}),
  });
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  });
  const iterator = await photoDataset(values.data, options).iterator();
  let [waited, whole] = [0, 0];
  for (let step = -2; step < steps; step++) {
    const begin = performance.now();
    const {xs, ys} = (await iterator.next()).value;
    const there = performance.now();
    await gan.trainOnBatch(xs, ys);
    tf.dispose([xs, ys]);
    if (step < 0) continue;
    waited += there - begin;
    whole += performance.now() - begin;
  }
  gan.dispose();
  return {waited, whole};
}
