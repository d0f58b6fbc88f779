// One step of the published ESRGAN: 23 blocks of 64 filters and growth 32, the VGG critic, 16 patches of 128x128.
import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {esrganGenerator, GAN, l1Loss, RelativisticAverageLoss, vggDiscriminator} from 'tfjs-ragan';
import {median} from './median.js';

const BATCH = 16;
const SIZE = 128;
const MIB = 2 ** 20;

/** Steps before the clock runs: two that are recorded and two that are captured. */
const WARM_UP = 4;

/**
 * Times the step, value and Adam update of both networks, on the active backend.
 *
 * @returns medians over the rounds, and the most memory that the process and the card held; the card's as nvidia-smi
 *   counts it, all programs on it together.
 */
export async function benchmarkFullSize(rounds) {
  const gan = new GAN({generator: esrganGenerator({seed: 1}), discriminator: vggDiscriminator({size: SIZE, seed: 2})});
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    loss: new RelativisticAverageLoss(),
    adversarialWeight: 5e-3,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
  });
  const xs = tf.randomUniform([BATCH, SIZE / 4, SIZE / 4, 3], 0, 1, 'float32', 3);
  const ys = tf.randomUniform([BATCH, SIZE, SIZE, 3], 0, 1, 'float32', 4);
  const samples = [];
  let gpuMemory;
  for (let round = -WARM_UP; round < rounds; round++) {
    const start = performance.now();
    await gan.trainOnBatch(xs, ys); // resolves to the losses' values, so the step is done
    if (round >= 0) samples.push(performance.now() - start);
    const used = usedGpuMemory();
    if (used !== undefined) gpuMemory = Math.max(gpuMemory ?? 0, used);
  }
  const milliseconds = median(samples);
  return {
    batch: BATCH,
    rounds,
    captured: gan.captureStatus?.state === 'captured',
    milliseconds,
    imagesPerSecond: (1000 * BATCH) / milliseconds,
    peakMemory: Math.round((process.resourceUsage().maxRSS * 1024) / MIB),
    ...(gpuMemory !== undefined && {gpuMemory}),
  };
}

export function printFullSize({batch, rounds, captured, milliseconds, imagesPerSecond, peakMemory, gpuMemory}) {
  const gpu = gpuMemory === undefined ? '' : `, ${gpuMemory} MiB on the card`;
  console.log(
    `\nFull-size ESRGAN step (23 blocks, batch ${batch}, ${SIZE / 4}x${SIZE / 4} to ${SIZE}x${SIZE}), median of ${rounds}\n` +
      `${milliseconds.toFixed(0)} ms, ${imagesPerSecond.toFixed(2)} images/s, ${captured ? 'captured' : 'not captured'}\n` +
      `peak memory ${peakMemory} MiB${gpu}`,
  );
}

/** In MiB, of the first visible card; undefined where there is no nvidia-smi. */
function usedGpuMemory() {
  const [first] = (process.env.CUDA_VISIBLE_DEVICES ?? '').split(',');
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', ...(first ? [`--id=${first}`] : [])];
  try {
    return parseInt(execFileSync('nvidia-smi', query, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}), 10);
  } catch {
    return undefined;
  }
}
