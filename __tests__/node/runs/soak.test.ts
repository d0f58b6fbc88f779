import {spawnSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {testBackends} from '../../support/backends.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const built = (entry: string) => JSON.stringify(pathToFileURL(join(__dirname, '../../../dist/esm', entry)).href);

/** What is held in memory after so many steps; bytes in MiB, garbage not counted. */
interface Held {
  tensors: number;
  data: number;
  heap: number;
  external: number;
  resident: number;
}

/** Trains in a process of its own with all that keeps something from step to step; what is held at ten places of the way. */
function soak(backend: string, steps: number): {captured: boolean; held: Held[]} {
  const folder = JSON.stringify(inFolder(backend));
  const program = `
    import * as tf from '@tensorflow/tfjs';
    import {GAN, GanCallback, l1Loss, r1Penalty, r2Penalty} from ${built('index.js')};
    import {jsonLog, saveCheckpoint, tensorBoard, useBackend} from ${built('node/index.js')};
    await useBackend('${backend}');
    const {conv2d, leakyReLU, flatten, dense} = tf.layers;
    const [conv, first] = [{kernelSize: 3, padding: 'same'}, {inputShape: [16, 16, 3]}];
    const generator = tf.sequential({layers: [conv2d({...conv, ...first, filters: 8}), leakyReLU(), conv2d({...conv, filters: 3})]});
    const discriminator = tf.sequential({
      layers: [conv2d({...conv, ...first, filters: 8, strides: 2}), leakyReLU(), flatten(), dense({units: 1})],
    });
    const gan = new GAN({generator, discriminator});
    gan.compile({
      generatorOptimizer: tf.train.adam(1e-4),
      discriminatorOptimizer: tf.train.adam(1e-4),
      generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
      penalties: [r1Penalty({gamma: 1, every: 4}), r2Penalty({gamma: 1})],
      weightAverage: {decay: 0.99},
      clipNorm: 1,
      microBatchSize: 3,
    });
    const held = [];
    class Saves extends GanCallback {
      async onBatchEnd() {
        if (gan.step % 20 !== 0) return;
        await saveCheckpoint(${folder} + '/checkpoint.bin', gan, {step: gan.step});
      }
    }
    class Looks extends GanCallback {
      async onBatchEnd() {
        if (gan.step % ${steps / 10} !== 0) return;
        for (let i = 0; i < 3; i++) {
          globalThis.gc();
          await new Promise(resolve => setTimeout(resolve, 20));
        }
        const {heapUsed, external, rss} = process.memoryUsage();
        const [heap, outside, resident] = [heapUsed, external, rss].map(bytes => bytes / 2 ** 20);
        held.push({tensors: tf.memory().numTensors, data: tf.backend().numDataIds(), heap, external: outside, resident});
      }
    }
    const sample = () => tf.randomNormal([8, 16, 16, 3]);
    const dataset = tf.data.generator(function* () {
      for (;;) yield {xs: sample(), ys: sample()};
    });
    const callbacks = [tensorBoard(${folder}), jsonLog(${folder}), new Saves(), new Looks()];
    await gan.fitDataset(dataset, {epochs: 1, batchesPerEpoch: ${steps}, callbacks});
    console.log(JSON.stringify({captured: gan.captureStatus?.state === 'captured', held}));`;
  const args = ['--expose-gc', '--input-type=module', '--eval', program];
  const {stdout, stderr} = spawnSync(process.execPath, args, {encoding: 'utf8'});
  const last = stdout.trim().split('\n').at(-1);
  if (!last) throw new Error(stderr);
  return JSON.parse(last) as ReturnType<typeof soak>;
}

// On the cpu backend it would take too long.
const backends = testBackends.filter(name => name !== 'cpu');
(backends.length > 0 ? describe : describe.skip).each(backends)('training on %s', backend => {
  // A captured step is several times faster.
  const steps = backend === 'wasm' ? 100 : 2000;

  test(`${steps} steps in micro-batches, with all that is kept, hold no more memory than the first`, () => {
    const {captured, held} = soak(backend, steps);
    expect(captured).toBe(backend !== 'wasm');
    expect(held).toHaveLength(10);
    expect(new Set(held.map(({tensors}) => tensors)).size).toBe(1);
    expect(new Set(held.map(({data}) => data)).size).toBe(1);
    // Caches are full after three tenths of the way. A batch that were kept each step would be 33 MiB from there on.
    const [early, late] = [held[2]!, held.at(-1)!];
    expect(late.heap - early.heap).toBeLessThan(4);
    expect(late.external - early.external).toBeLessThan(1);
    expect(late.resident - early.resident).toBeLessThan(24);
    expect(readdirSync(inFolder(backend)).sort()).toEqual([
      'checkpoint.bin',
      expect.stringContaining('tfevents'),
      'log.jsonl',
    ]);
  }, 600_000);
});
