// Trains a GAN that draws the digit it is asked for, by the recipe of R3GAN, and measures what it draws.
import * as tf from '@tensorflow/tfjs';
import {GAN, RelativisticPairedLoss, cosine, latents, r1Penalty, r2Penalty} from 'tfjs-ragan';
import {loadCheckpoint, progressBar, sampleSheets, saveCheckpoint, saveModel, useBackend} from 'tfjs-ragan/node';
import {parseArgs} from 'node:util';
import {CLASSES, LATENTS, SIZE, digitBatches, oneHot, readDigits} from './data.js';
import {digitCritic, digitGenerator} from './networks.js';
import {measure, trainClassifier} from './quality.js';

const HELP = `Usage: node examples/digits/train.js [options]

Trains a GAN that draws the digit it is asked for, and measures what it draws.

  --steps N        batches that it learns from (default 3000)
  --seed N         whole number from 1 that the weights and the batches follow from (default 1)
  --backend NAME   auto, tensorflow, wasm or another of useBackend's (default auto)
  --out FOLDER     where samples, checkpoint and generator are kept (default digits)
  --resume         go on from the checkpoint there, with the same steps and seed
  --help           this text
`;

const BATCH = 64;
const RATE = 1e-3;
const GAMMA = 1;
/** Real and drawn pictures of each digit on a sheet, and how many times larger they are shown. */
const [REAL, DRAWN, ZOOM] = [5, 15, 4];

const {steps, seed, backend, resume, out} = options();
// On networks as small as these more threads would only wait for each other.
const {backend: chosen, reason} = await useBackend(backend, {threads: 1});
console.log(`${chosen}: ${reason}`);
const {train, heldOut} = readDigits();
const judge = await trainClassifier(train);

const gan = new GAN({generator: digitGenerator(seed), discriminator: digitCritic(seed)});
const schedule = cosine({rate: RATE, steps, minimum: RATE / 20, warmUp: Math.min(100, steps - 1)});
gan.compile({
  generatorOptimizer: tf.train.adam(RATE, 0, 0.99),
  discriminatorOptimizer: tf.train.adam(RATE, 0, 0.99),
  generatorLearningRate: schedule,
  discriminatorLearningRate: schedule,
  loss: new RelativisticPairedLoss(),
  penalties: [r1Penalty({gamma: GAMMA}), r2Penalty({gamma: GAMMA})],
  weightAverage: {decay: 0.995},
});

const checkpoint = `${out}/checkpoint.bin`;
if (resume) await loadCheckpoint(checkpoint, gan);
const every = Math.ceil(steps / 10);
const sheets = sampleSheets(out, {every, draw: await sheet(await noiseFor(CLASSES * DRAWN, 1000))});
const keep = {
  onBatchEnd: async () => {
    if (gan.step % every === 0 || gan.step === steps) await saveCheckpoint(checkpoint, gan, {});
  },
};
if (gan.step < steps) {
  await gan.fitDataset(digitBatches(train, {batch: BATCH, seed, firstBatch: gan.step}), {
    epochs: 1,
    batchesPerEpoch: steps - gan.step,
    callbacks: [progressBar({steps}), sheets, keep],
  });
}
await sheets.write('end', gan);
await saveModel(gan.averagedGenerator, `${out}/generator`);

console.log('| pictures | right digit | Fréchet distance | to the nearest |\n|---|---|---|---|');
show('held out', [await measure(judge, heldOut, train)]);
const draws = [];
for (let draw = 1; draw <= 5; draw++) {
  const noise = await noiseFor(heldOut.digits.shape[0], 2000 + draw);
  const pictures = tf.tidy(() => gan.averagedGenerator.predict([noise, oneHot(heldOut.digits)]));
  draws.push(await measure(judge, {pictures, digits: heldOut.digits}, train));
  tf.dispose([noise, pictures]);
}
show('drawn', draws);
console.log(`look at ${out}/samples/end.png; the generator is in ${out}/generator`);

/** Prints the means of measures. */
function show(name, measures) {
  const mean = member => measures.reduce((sum, one) => sum + one[member], 0) / measures.length;
  const [right, distance, nearest] = [mean('right'), mean('distance'), mean('nearest')];
  console.log(`| ${name} | ${(100 * right).toFixed(1)} % | ${distance.toFixed(2)} | ${nearest.toFixed(3)} |`);
}

/** Noise that is the same each time. */
async function noiseFor(count, of) {
  const {value} = await (await latents({shape: [LATENTS], batch: count, seed: of}).iterator()).next();
  return value;
}

/** Draws a row for each digit: real ones, and those drawn from the noise. */
async function sheet(noise) {
  const {pictures, digits} = train;
  const rowFor = (_, i) => Math.floor(i / DRAWN);
  const wanted = oneHot(tf.tensor1d(Array.from({length: CLASSES * DRAWN}, rowFor), 'int32'));
  const all = await digits.array();
  const shown = Array.from({length: CLASSES}, (_, digit) =>
    all.flatMap((value, i) => (value === digit ? [i] : [])).slice(0, REAL),
  );
  const real = tf.tidy(() => rows(tf.gather(pictures, tf.tensor1d(shown.flat(), 'int32')), REAL));
  return gan =>
    tf.tidy(() => {
      const drawn = rows(gan.averagedGenerator.predict([noise, wanted]), DRAWN);
      const apart = tf.pad(
        real,
        [
          [0, 0],
          [0, SIZE / 4],
          [0, 0],
        ],
        1,
      );
      const picture = tf.concat3d([apart, drawn], 1);
      const [height, width] = picture.shape;
      return tf.image
        .resizeNearestNeighbor(picture, [height * ZOOM, width * ZOOM])
        .add(1)
        .div(2);
    });
}

/** Pictures in rows of so many, a pixel apart: one picture. */
function rows(pictures, columns) {
  const cell = SIZE + 2;
  const padded = tf.pad(
    pictures,
    [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
    -1,
  );
  const cells = tf.reshape(padded, [-1, columns, cell, cell]);
  return tf.transpose(cells, [0, 2, 1, 3]).as3D((pictures.shape[0] / columns) * cell, columns * cell, 1);
}

function options() {
  try {
    /** @type {any} */
    const {values} = parseArgs({
      options: {
        steps: {type: 'string', default: '3000'},
        seed: {type: 'string', default: '1'},
        backend: {type: 'string', default: 'auto'},
        out: {type: 'string', default: 'digits'},
        resume: {type: 'boolean', default: false},
        help: {type: 'boolean', default: false},
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit();
    }
    return {...values, steps: count('steps', values.steps), seed: count('seed', values.seed)};
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error) {
  console.error(`${error.message}\n\n${HELP}`);
  process.exit(2);
}

function count(name, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${name} must be a whole number of at least 1, but it is ${text}`);
}
