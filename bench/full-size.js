// One step of the published ESRGAN: 23 blocks of 64 filters and growth 32, the VGG critic, 16 patches of 128x128.
import * as tf from '@tensorflow/tfjs';
import {execFileSync} from 'node:child_process';
import {esrganGenerator, GAN, l1Loss, RelativisticAverageLoss, vggDiscriminator} from 'tfjs-ragan';
import {median} from './median.js';
import {startPyTorch} from './pytorch.js';

const BATCH = 16;
const SIZE = 128;
const MIB = 2 ** 20;

/** Steps before the clock runs: two that are recorded and two that are captured. */
const WARM_UP = 4;

/** The same networks in PyTorch, in the layout that suits a card. */
const IN_PYTORCH = {
  ...{batch: BATCH, size: SIZE, filters: 64, growth: 32, blocks: 23, critic: [64, 128, 256, 512, 512]},
  ...{layout: 'channels_last', device: 'cuda'},
};

/**
 * Times the step, value and Adam update of both networks, on the active backend; on a card beside PyTorch, turn by turn.
 *
 * @returns medians over the rounds, and the most memory that the process and the card held; the card's as nvidia-smi
 *   counts it, all programs on it together.
 */
export async function benchmarkFullSize(rounds, {backend}) {
  const pytorch = backend === 'cuda' ? await startPyTorch(IN_PYTORCH).catch(({message}) => ({missing: message})) : {};
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
  const pytorchSamples = [];
  let gpuMemory;
  for (let round = -WARM_UP; round < rounds; round++) {
    const start = performance.now();
    await gan.trainOnBatch(xs, ys); // resolves to the losses' values, so the step is done
    if (round >= 0) samples.push(performance.now() - start);
    const used = usedGpuMemory();
    if (used !== undefined) gpuMemory = Math.max(gpuMemory ?? 0, used);
    if (pytorch.step && round >= 0) pytorchSamples.push((await pytorch.step()).milliseconds);
  }
  await pytorch.stop?.();
  const milliseconds = median(samples);
  return {
    batch: BATCH,
    rounds,
    captured: gan.captureStatus?.state === 'captured',
    milliseconds,
    imagesPerSecond: (1000 * BATCH) / milliseconds,
    peakMemory: Math.round((process.resourceUsage().maxRSS * 1024) / MIB),
    ...(gpuMemory !== undefined && {gpuMemory}),
    ...(pytorchSamples.length > 0 && {
      pytorch: {version: pytorch.about.version, milliseconds: median(pytorchSamples)},
    }),
    ...(pytorch.missing && {pytorchMissing: pytorch.missing}),
  };
}

export function printFullSize({batch, rounds, captured, milliseconds, imagesPerSecond, peakMemory, ...rest}) {
  const {gpuMemory, pytorch, pytorchMissing} = rest;
  const gpu = gpuMemory === undefined ? '' : `, ${gpuMemory} MiB on the card (all programs on it)`;
  console.log(
    `\nFull-size ESRGAN step (23 blocks, batch ${batch}, ${SIZE / 4}x${SIZE / 4} to ${SIZE}x${SIZE}), median of ${rounds}\n` +
      `${milliseconds.toFixed(0)} ms, ${imagesPerSecond.toFixed(2)} images/s, ${captured ? 'captured' : 'not captured'}\n` +
      `peak memory ${peakMemory} MiB${gpu}`,
  );
  if (pytorch) {
    const times = (milliseconds / pytorch.milliseconds).toFixed(2);
    console.log(
      `PyTorch ${pytorch.version} on the card: ${pytorch.milliseconds.toFixed(0)} ms; this is ${times} of it`,
    );
  }
  if (pytorchMissing) console.log(`PyTorch: ${pytorchMissing}`);
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
