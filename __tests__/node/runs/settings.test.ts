import {DEFAULT_SETTINGS} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {seededRandom} from '../../../src/seeded-random.js';
import {requireSettings} from '../../../src/node/runs/settings.js';

const settings = (changed: Partial<TrainSettings> = {}): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  data: 'photos',
  ...changed,
});

test('settings in range are taken', () => {
  const taken: Partial<TrainSettings>[] = [
    {},
    {scale: 8, patch: 8},
    {warmupSteps: 0},
    {steps: 0},
    {adversarialWeight: 0},
    {seed: -3},
    {threads: 1},
    {microBatch: 1},
    {perceptual: 'vgg19.safetensors', perceptualWeight: 0.1, perceptualLayers: 'real-esrgan', patch: 16},
    {network: 'compact', convolutions: 0},
    {discriminator: 'patch', loss: 'standard', r1: 0, r2: 5},
    {beta1: 0, weightAverage: 0.999, halveAt: [], warmupHalveAt: [3, 7]},
  ];
  for (const changed of taken) expect(() => requireSettings(settings(changed))).not.toThrow();
});

test.each<[Partial<TrainSettings>, string]>([
  [{scale: 3}, '--scale must be 2, 4 or 8, but it is 3'],
  [{patch: 48}, '--patch must be one of 8, 16, 32, 64, 128, ..., but it is 48'],
  [{patch: -8}, '--patch must be one of'],
  [{filters: 0}, '--filters must be a whole number from 1, but it is 0'],
  [{growth: 1.5}, '--growth must be a whole number from 1, but it is 1.5'],
  [{blocks: NaN}, '--blocks must be a whole number from 1, but it is NaN'],
  [{discriminatorFilters: -1}, '--discriminator-filters must be'],
  [{batch: Infinity}, '--batch must be a whole number from 1, but it is Infinity'],
  [{warmupSteps: -1}, '--warmup-steps must be a whole number from 0'],
  [{steps: 0.5}, '--steps must be a whole number from 0'],
  [{steps: 0, warmupSteps: 0}, '--steps must be at least 1 when --warmup-steps is 0'],
  [{warmupLearningRate: 0}, '--warmup-learning-rate must be a positive number'],
  [{learningRate: Infinity}, '--learning-rate must be a positive number'],
  [{discriminatorLearningRate: NaN}, '--discriminator-learning-rate must be a positive number'],
  [{contentWeight: 0}, '--content-weight must be a positive number'],
  [{adversarialWeight: Infinity}, '--adversarial-weight must be a number from 0'],
  [{adversarialWeight: -1}, '--adversarial-weight must be a number from 0'],
  [{perceptual: ''}, '--perceptual must be a safetensors file, but it is ""'],
  [{perceptualWeight: 0}, '--perceptual-weight must be a positive number, but it is 0'],
  [{perceptualLayers: 'vgg' as never}, '--perceptual-layers must be esrgan or real-esrgan, but it is "vgg"'],
  [{perceptual: 'vgg19.safetensors', patch: 8}, '--patch must be at least 16 with --perceptual, but it is 8'],
  [{seed: 0.5}, '--seed must be a whole number'],
  [{sampleEvery: -1}, '--sample-every must be a whole number from 0'],
  [{checkpointEvery: 2.5}, '--checkpoint-every must be a whole number from 0'],
  [{microBatch: 0}, '--micro-batch must be a whole number from 1, but it is 0'],
  [{threads: 0}, '--threads must be a whole number from 1'],
  [{network: 'big' as never}, '--network must be esrgan or compact, but it is "big"'],
  [{discriminator: 'big' as never}, '--discriminator must be vgg, unet or patch, but it is "big"'],
  [{loss: 'hinge' as never}, '--loss must be average, paired or standard, but it is "hinge"'],
  [{convolutions: -1}, '--convolutions must be a whole number from 0, but it is -1'],
  [{beta1: 1}, '--beta1 must be a number from 0 and below 1, but it is 1'],
  [{weightAverage: -0.5}, '--weight-average must be a number from 0 and below 1, but it is -0.5'],
  [{r1: -1}, '--r1 must be a number from 0, but it is -1'],
  [{r2: NaN}, '--r2 must be a number from 0, but it is NaN'],
  [{halveAt: [2, 2]}, '--halve-at must be whole numbers from 1, each above the one before, but it is [2,2]'],
  [{warmupHalveAt: [0.5]}, '--warmup-halve-at must be whole numbers from 1'],
])('%j is refused', (changed, message) => {
  expect(() => requireSettings(settings(changed))).toThrow(message);
});

test('random numbers are uniform, repeat with their keys and differ with others', () => {
  const random = seededRandom(1, 2);
  const values = Array.from({length: 20_000}, random);
  const bins = Array<number>(20).fill(0);
  for (const value of values) bins[Math.floor(value * 20)]!++;
  // 1000 each, of deviation 31.
  expect(Math.min(...bins)).toBeGreaterThan(850);
  expect(Math.max(...bins)).toBeLessThan(1150);
  const again = seededRandom(1, 2);
  expect(Array.from({length: 20_000}, again)).toEqual(values);
  const firsts = [[1, 2], [2, 1], [1], [1, 2, 0], [-1, 2], [2 ** 32 + 1, 2], [1, 3], [0], []].map(keys =>
    seededRandom(...keys)(),
  );
  expect(new Set(firsts).size).toBe(firsts.length);
  // Batches that follow each other have nothing in common.
  const next = seededRandom(1, 3);
  const products = values.map(value => (value - 0.5) * (next() - 0.5));
  expect(Math.abs(products.reduce((a, b) => a + b) / products.length)).toBeLessThan(4 / 12 / Math.sqrt(20_000));
});
