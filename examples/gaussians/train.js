// Trains small GANs on 25 Gaussians with three losses, and shows how many of the Gaussians each finds.
import * as tf from '@tensorflow/tfjs';
import {GAN, RelativisticAverageLoss, RelativisticPairedLoss, StandardLoss, cosine, latents} from 'tfjs-ragan';
import {r1Penalty, r2Penalty} from 'tfjs-ragan';
import {useBackend} from 'tfjs-ragan/node';
import {writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {MEASURED, gaussians, measure} from './gaussians.js';
import {plot} from './plot.js';

const HELP = `Usage: node examples/gaussians/train.js [options]

Trains small GANs on 25 Gaussians with three losses, and shows how many of the Gaussians each finds.

  --steps N        batches that each GAN learns from (default 4000)
  --seeds N        GANs for each loss, with the seeds 1 to N (default 5)
  --backend NAME   auto, tensorflow, wasm or another of useBackend's (default auto)
  --out FILE       the picture, an SVG (default gaussians.svg)
  --help           this text
`;

const BATCH = 128;
const LATENTS = 2;
const UNITS = 128;
const RATE = 2e-3;

/** What is compared: nothing but the loss and its penalties differs. */
const METHODS = {
  standard: {loss: new StandardLoss()},
  'relativistic average': {loss: new RelativisticAverageLoss()},
  'paired + R1 + R2': {
    loss: new RelativisticPairedLoss(),
    penalties: [r1Penalty({gamma: 0.02}), r2Penalty({gamma: 0.02})],
  },
};

const {steps, seeds, backend, out} = options();
// On networks as small as these more threads would only wait for each other.
const chosen = await useBackend(backend, {threads: 1});
console.log(`${chosen.backend}: ${chosen.reason}`);

const results = {};
for (const [name, method] of Object.entries(METHODS)) {
  results[name] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const start = performance.now();
    const run = await train(name, method, seed);
    results[name].push(run);
    const {modes, share} = run.curve.at(-1);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(`${name}, seed ${seed}: ${modes} modes, ${percent(share)} good, ${seconds} s`);
  }
}

console.log('\n| loss | modes covered | good samples |\n|---|---|---|');
for (const [name, runs] of Object.entries(results)) {
  const ends = runs.map(run => run.curve.at(-1));
  const [modes, shares] = [ends.map(end => end.modes), ends.map(end => end.share)];
  console.log(`| ${name} | ${spread(modes, number)} | ${spread(shares, percent)} |`);
}
writeFileSync(out, plot(results, steps));
console.log(`\nlook at ${out}`);

/** Trains one GAN; its measures while it does, and its samples at the end. */
async function train(name, method, seed) {
  const gan = new GAN({generator: network(LATENTS, 2, 100 * seed), discriminator: critic(100 * seed + 50)});
  const adam = () => tf.train.adam(RATE, 0, 0.99);
  const schedule = cosine({rate: RATE, steps, minimum: RATE / 100});
  gan.compile({
    generatorOptimizer: adam(),
    discriminatorOptimizer: adam(),
    generatorLearningRate: schedule,
    discriminatorLearningRate: schedule,
    ...method,
  });
  const noise = latents({shape: [LATENTS], batch: BATCH, seed});
  const fixed = tf.randomNormal([MEASURED, LATENTS], 0, 1, 'float32', seed);
  const curve = [];
  let samples;
  const look = async () => {
    const made = generate(gan.generator, fixed);
    samples = await made.array();
    made.dispose();
    curve.push({step: gan.step, ...measure(samples)});
    const {modes, share} = curve.at(-1);
    if (process.stdout.isTTY) {
      process.stdout.write(`\r\x1b[K${name}, seed ${seed}, step ${gan.step}: ${modes} modes, ${percent(share)} good\r`);
    }
  };
  // Twenty times, of which the last is the end.
  const every = Math.ceil(steps / 20);
  await look();
  await gan.fitDataset(tf.data.zip({xs: noise, ys: gaussians({batch: BATCH, seed})}), {
    epochs: 1,
    batchesPerEpoch: steps,
    callbacks: {
      onBatchEnd: async () => {
        if (gan.step % every === 0 || gan.step === steps) await look();
      },
    },
  });
  fixed.dispose();
  gan.dispose();
  return {samples, curve};
}

function generate(generator, noise) {
  return generator.predict(noise);
}

/** A dense network of three hidden layers; the same seed gives the same weights. */
function network(inputs, outputs, seed, first = {}) {
  const dense = (units, number, more = {}) =>
    tf.layers.dense({units, kernelInitializer: tf.initializers.heNormal({seed: seed + number}), ...more});
  const leaky = () => tf.layers.leakyReLU({alpha: 0.2});
  return tf.sequential({
    layers: [
      dense(UNITS, 1, {inputShape: [inputs], ...first}),
      leaky(),
      dense(UNITS, 2),
      leaky(),
      dense(UNITS, 3),
      leaky(),
      dense(outputs, 4),
    ],
  });
}

/** A critic whose first layer bends everywhere on the grid from the start: with biases of 0 it would at the origin alone. */
function critic(seed) {
  return network(2, 1, seed, {
    kernelInitializer: tf.initializers.randomNormal({stddev: 3, seed: seed + 5}),
    biasInitializer: tf.initializers.randomUniform({minval: -3, maxval: 3, seed: seed + 6}),
  });
}

function number(value) {
  return String(Number(value.toFixed(1)));
}

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

/** The mean of values, with the least and the greatest. */
function spread(values, text) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return `${text(mean)} (${text(Math.min(...values))} to ${text(Math.max(...values))})`;
}

function options() {
  try {
    /** @type {any} */
    const {values} = parseArgs({
      options: {
        steps: {type: 'string', default: '4000'},
        seeds: {type: 'string', default: '5'},
        backend: {type: 'string', default: 'auto'},
        out: {type: 'string', default: 'gaussians.svg'},
        help: {type: 'boolean', default: false},
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit();
    }
    return {...values, steps: count('steps', values.steps), seeds: count('seeds', values.seeds)};
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
