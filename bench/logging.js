// What a log and TensorBoard's event files take of a GAN's steps. Usage: node bench/logging.js --help
import * as tf from '@tensorflow/tfjs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {esrganGenerator, GAN, l1Loss, vggDiscriminator} from 'tfjs-ragan';
import {jsonLog, tensorBoard, useBackend} from 'tfjs-ragan/node';
import {median} from './median.js';

const HELP = `usage: node bench/logging.js [options]

Trains the bench's lite ESRGAN, batch 4, by turns without callbacks and with jsonLog and tensorBoard, which look at every
tenth step as in train, and prints the medians of a step's time and of the processor time that it takes.

  --backend <name>     default auto
  --rounds <number>    of both; default 9
  --steps <number>     in a turn, from 10; default 20`;

async function measure({backend, rounds, steps}) {
  const chosen = await useBackend(backend);
  const gan = new GAN({
    generator: esrganGenerator({filters: 32, growth: 16, blocks: 2, seed: 1}),
    discriminator: vggDiscriminator({size: 64, filters: 32, maxFilters: 128, seed: 2}),
  });
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    adversarialWeight: 5e-3,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  });
  const [xs, ys] = [16, 64].map(size => tf.randomUniform([4, size, size, 3]));
  const dataset = tf.data.generator(function* () {
    for (;;) yield {xs: tf.clone(xs), ys: tf.clone(ys)};
  });
  const folder = await mkdtemp(join(tmpdir(), 'logging-'));
  const callbacks = [jsonLog(folder), tensorBoard(folder)];
  const train = async (batchesPerEpoch, callbacks) => {
    const [start, before] = [performance.now(), process.cpuUsage()];
    await gan.fitDataset(dataset, {epochs: 1, batchesPerEpoch, callbacks});
    const {user, system} = process.cpuUsage(before);
    return {time: (performance.now() - start) / batchesPerEpoch, processor: (user + system) / 1000 / batchesPerEpoch};
  };
  const taken = {'without callbacks': [], 'with both': []};
  try {
    // Both ways are captured before any is timed.
    for (const some of [[], callbacks]) await train(10, some);
    for (let round = 0; round < rounds; round++) {
      taken['without callbacks'].push(await train(steps, []));
      taken['with both'].push(await train(steps, callbacks));
    }
  } finally {
    await rm(folder, {recursive: true});
  }
  const state = gan.captureStatus?.state === 'captured' ? ', captured' : '';
  console.log(`${chosen.backend}${state}, medians of ${rounds} turns of ${steps} steps`);
  for (const [way, turns] of Object.entries(taken)) {
    const [time, processor] = ['time', 'processor'].map(of => median(turns.map(turn => turn[of])).toFixed(2));
    console.log(`${way.padEnd(20)}${time.padStart(9)} ms a step ${processor.padStart(9)} ms of processor time`);
  }
}

const {values} = parseArgs({
  options: {
    backend: {type: 'string', default: 'auto'},
    rounds: {type: 'string', default: '9'},
    steps: {type: 'string', default: '20'},
    help: {type: 'boolean', default: false},
  },
});
if (values.help) console.log(HELP);
else await measure({...values, rounds: Number(values.rounds), steps: Number(values.steps)});
