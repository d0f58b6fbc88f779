// Trains the models that come with the package, and writes them to models/x4 and models/x4-sharp with weights of 16 bits.
//   npm run train-default-model [-- --data FOLDER --out RUN]
// Hours; Ctrl-C in the first stage stops it with a checkpoint, and the same command goes on. The second stage, an hour or
// so, begins anew. models/x4/README.md says what those there were trained on.
import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {cosine, GAN, GanCallback, l1Loss, patchDiscriminator, RelativisticAverageLoss} from 'tfjs-ragan';
import {loadModel, photoDataset, saveModel, useBackend} from 'tfjs-ragan/node';

const {values: options} = parseArgs({
  options: {
    data: {type: 'string', default: 'examples/photos/train'},
    out: {type: 'string', default: 'run-default-model'},
  },
});
const SETTINGS = {
  '--validation': 'examples/photos/val',
  '--filters': 32,
  '--growth': 16,
  '--blocks': 2,
  '--discriminator-filters': 16,
  '--patch': 128,
  '--batch': 8,
  '--warmup-steps': 50_000,
  '--warmup-learning-rate': 1e-3,
  '--steps': 0,
  '--sample-every': 5000,
  '--checkpoint-every': 1000,
};
const GAN_STEPS = 4000;

const tfjsRagan = (...args) => execFileSync(process.execPath, ['dist/esm/cli/main.js', ...args], {stdio: 'inherit'});
const store = (from, to) => tfjsRagan('export', from, to, '--to', 'tfjs', '--weights', 'float16');

const settings = Object.entries(SETTINGS).flatMap(([name, value]) => [name, String(value)]);
const resume = existsSync(join(options.out, 'checkpoint.bin')) ? ['--resume'] : [];
tfjsRagan('train', '--data', options.data, '--out', options.out, ...settings, ...resume);
store(options.out, 'models/x4');
await trainAgainstCritic(join(options.out, 'model'), join(options.out, 'sharp'));
store(join(options.out, 'sharp'), 'models/x4-sharp');

/** The second stage. Its critic judges patches, which keeps stripes out that one for whole images lets in. */
async function trainAgainstCritic(from, to) {
  await useBackend('auto');
  const generator = await loadModel(from);
  const gan = new GAN({generator, discriminator: patchDiscriminator({filters: 32, stages: 2, seed: 7})});
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4, 0.9, 0.99),
    discriminatorOptimizer: tf.train.adam(1e-4, 0.9, 0.99),
    loss: new RelativisticAverageLoss({axis: 'all'}),
    adversarialWeight: 0.01,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
    generatorLearningRate: cosine({rate: 2e-4, steps: GAN_STEPS, warmUp: 200}),
    discriminatorLearningRate: cosine({rate: 2e-4, steps: GAN_STEPS}),
  });
  const photos = photoDataset(options.data, {patch: 128, batch: 4, scale: 4, seed: 11});
  await gan.fitDataset(photos, {epochs: 1, batchesPerEpoch: GAN_STEPS, callbacks: new Printer({logEvery: 50})});
  await saveModel(generator, to);
}

/** Says how far the second stage is. */
class Printer extends GanCallback {
  onLogs(step, {discriminatorLoss, content}) {
    console.log(`GAN ${step}/${GAN_STEPS}  D ${discriminatorLoss.toFixed(3)}  content ${content.toFixed(4)}`);
  }
}
