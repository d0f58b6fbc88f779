// Peak memory and time of a GAN's steps in micro-batches, each batch size in a process of its own. Usage:
// node bench/memory.js --help
import * as tf from '@tensorflow/tfjs';
import {spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {esrganGenerator, GAN, l1Loss, RelativisticAverageLoss, vggDiscriminator} from 'tfjs-ragan';
import {useBackend} from 'tfjs-ragan/node';
import {median} from './median.js';

const SIZES = {
  lite: {filters: 32, growth: 16, blocks: 2, size: 64, critic: {filters: 32, maxFilters: 128}},
  full: {filters: 64, growth: 32, blocks: 23, size: 128, critic: {filters: 64}},
};

/** Two that are recorded, and the first of the graph, which TensorFlow prepares then. */
const WARM_UP = 3;

const HELP = `usage: node bench/memory.js [options]

  --backend <name>       default tensorflow
  --size lite|full       the networks of the bench's step, or the published ESRGAN; default lite
  --blocks <number>      of the generator; default that of its size
  --batch <numbers>      default 4,16,64,256
  --micro-batch <number> samples at once; 0 for the whole batch; default 4
  --recompute            the generator's activations, instead of keeping them
  --steps <number>       that are timed, after ${WARM_UP} others; default 3
  --no-capture           operation by operation`;

/** Runs the steps of one batch size, in a process of its own, and prints what they took. */
async function measure({backend, size, blocks, batch, microBatch, recompute, steps, capture}) {
  await useBackend(backend);
  const {size: pixels, critic, ...sizes} = {...SIZES[size], ...(blocks && {blocks})};
  const gan = new GAN({
    generator: esrganGenerator({...sizes, seed: 1}),
    discriminator: vggDiscriminator({size: pixels, seed: 2, ...critic}),
  });
  const warnings = [];
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    loss: new RelativisticAverageLoss(),
    adversarialWeight: 5e-3,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
    recompute,
    capture,
    onWarning: message => warnings.push(message),
    ...(microBatch > 0 && {microBatchSize: microBatch}),
  });
  const xs = tf.randomUniform([batch, pixels / 4, pixels / 4, 3], 0, 1, 'float32', 3);
  const ys = tf.randomUniform([batch, pixels, pixels, 3], 0, 1, 'float32', 4);
  const samples = [];
  const start = performance.now();
  let ready;
  for (let step = capture ? -WARM_UP : -1; step < steps; step++) {
    const start = performance.now();
    await gan.trainOnBatch(xs, ys); // resolves to the losses' values, so the step is done
    if (step >= 0) samples.push(performance.now() - start);
    if (step === -1) ready = performance.now();
  }
  const status = gan.captureStatus;
  console.log(
    JSON.stringify({
      milliseconds: median(samples),
      preparation: ready - start,
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
      captured: status?.state === 'captured',
      nodes: status?.nodes,
      warnings,
    }),
  );
}

function main() {
  const {values} = parseArgs({
    options: {
      backend: {type: 'string', default: 'tensorflow'},
      size: {type: 'string', default: 'lite'},
      blocks: {type: 'string'},
      batch: {type: 'string', default: '4,16,64,256'},
      'micro-batch': {type: 'string', default: '4'},
      steps: {type: 'string', default: '3'},
      recompute: {type: 'boolean', default: false},
      'no-capture': {type: 'boolean', default: false},
      help: {type: 'boolean', default: false},
    },
  });
  if (values.help) return console.log(HELP);
  if (!Object.hasOwn(SIZES, values.size)) {
    throw new Error(`--size must be one of ${Object.keys(SIZES).join(', ')}, but it is ${values.size}.`);
  }
  console.log('  batch  at once   ms a step  ms a sample   peak MB   captured, nodes, first steps');
  for (const batch of values.batch.split(',').map(Number)) {
    const microBatch = Number(values['micro-batch']);
    const settings = {backend: values.backend, size: values.size, batch, microBatch};
    Object.assign(settings, {recompute: values.recompute, steps: Number(values.steps), capture: !values['no-capture']});
    if (values.blocks) settings.blocks = Number(values.blocks);
    const {stdout, stderr, status} = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), '--measure', JSON.stringify(settings)],
      {encoding: 'utf8', env: {TF_CPP_MIN_LOG_LEVEL: '2', ...process.env}},
    );
    if (status !== 0) throw new Error(`batch ${batch}: ${stderr.trim().split('\n').at(-1)}`);
    const {milliseconds, preparation, peakMegabytes, captured, nodes, warnings} = JSON.parse(
      stdout.trim().split('\n').at(-1),
    );
    const cell = (value, width) => String(value).padStart(width);
    const about = captured ? `yes, ${nodes} nodes, ${(preparation / 1000).toFixed(1)} s` : 'no';
    console.log(
      `${cell(batch, 7)}${cell(microBatch || batch, 9)}${cell(milliseconds.toFixed(0), 12)}` +
        `${cell((milliseconds / batch).toFixed(1), 13)}${cell(peakMegabytes.toFixed(0), 10)}   ${about}`,
    );
    for (const warning of warnings) console.log(warning);
  }
}

try {
  if (process.argv[2] === '--measure') await measure(JSON.parse(process.argv[3]));
  else main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
