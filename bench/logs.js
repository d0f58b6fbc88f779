// What logs cost a training: the step of the bench with and without them, in turns. Usage: node bench/logs.js --help
import * as tf from '@tensorflow/tfjs';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {collapseWarnings, esrganGenerator, GAN, l1Loss, RelativisticAverageLoss, vggDiscriminator} from 'tfjs-ragan';
import {jsonLog, tensorBoard, useBackend} from 'tfjs-ragan/node';
import {median} from './median.js';

const HELP = `usage: node bench/logs.js [options]

  --backend <name>   default auto
  --threads <number> default: all cores
  --batch <number>   default 4
  --every <steps>    between two records; default 10, as train has it
  --steps <number>   in a turn of each; default 30
  --rounds <number>  default 9`;

const SIZE = 64;

/** A GAN of the bench's lite networks. */
function compiled() {
  const gan = new GAN({
    generator: esrganGenerator({filters: 32, growth: 16, blocks: 2, seed: 1}),
    discriminator: vggDiscriminator({size: SIZE, filters: 32, maxFilters: 128, seed: 2}),
  });
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    loss: new RelativisticAverageLoss(),
    adversarialWeight: 5e-3,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  });
  return gan;
}

async function main() {
  const {values} = parseArgs({
    options: {
      backend: {type: 'string', default: 'auto'},
      threads: {type: 'string'},
      batch: {type: 'string', default: '4'},
      every: {type: 'string', default: '10'},
      steps: {type: 'string', default: '30'},
      rounds: {type: 'string', default: '9'},
      help: {type: 'boolean', default: false},
    },
  });
  if (values.help) return console.log(HELP);
  const [batch, logEvery, steps, rounds] = [values.batch, values.every, values.steps, values.rounds].map(Number);
  const {backend} = await useBackend(values.backend, values.threads ? {threads: Number(values.threads)} : {});
  const folder = mkdtempSync(join(tmpdir(), 'logs-'));
  const xs = tf.randomUniform([batch, SIZE / 4, SIZE / 4, 3], 0, 1, 'float32', 3);
  const ys = tf.randomUniform([batch, SIZE, SIZE, 3], 0, 1, 'float32', 4);
  const dataset = tf.data.generator(function* () {
    for (;;) yield {xs: tf.clone(xs), ys: tf.clone(ys)};
  });
  const kinds = {
    'no log': [],
    'losses alone': [jsonLog(join(folder, 'losses'), {logEvery, diagnostics: false})],
    'jsonLog, collapseWarnings': [
      jsonLog(join(folder, 'all'), {logEvery}),
      collapseWarnings({logEvery, onWarning: () => undefined}),
    ],
    'and tensorBoard': [
      jsonLog(join(folder, 'both'), {logEvery}),
      collapseWarnings({logEvery, onWarning: () => undefined}),
      tensorBoard(join(folder, 'board'), {logEvery}),
    ],
  };
  try {
    const runs = Object.entries(kinds).map(([name, callbacks]) => ({name, callbacks, gan: compiled(), samples: []}));
    for (let round = -1; round < rounds; round++) {
      for (const {gan, callbacks, samples} of runs) {
        const start = performance.now();
        await gan.fitDataset(dataset, {epochs: 1, batchesPerEpoch: steps, callbacks});
        if (round >= 0) samples.push((performance.now() - start) / steps);
      }
    }
    console.log(
      `${backend}, batch ${batch}, a record every ${logEvery} steps; medians of ${rounds} turns of ${steps} steps`,
    );
    for (const {name, samples} of runs) {
      const ratio = median(samples.map((sample, i) => sample / runs[0].samples[i]));
      console.log(
        `${name.padEnd(26)} ${median(samples).toFixed(1).padStart(7)} ms a step   ${ratio.toFixed(3)} of no log`,
      );
    }
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
