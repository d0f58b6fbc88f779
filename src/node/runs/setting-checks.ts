import type {TrainSettings} from './settings.js';

/** What a setting must be, in words, and whether a value of any type is that. */
export interface SettingCheck {
  expected: string;
  fits: (value: unknown) => boolean;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isWhole = (value: unknown, least: number) => Number.isInteger(value) && (value as number) >= least;
const isText = (value: unknown) => typeof value === 'string' && value !== '';
const areFolders = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(isText);

const whole = (least: number): SettingCheck => ({
  expected: `a whole number from ${least}`,
  fits: value => isWhole(value, least),
});
const positive: SettingCheck = {expected: 'a positive number', fits: value => isNumber(value) && value > 0};
const fromZero: SettingCheck = {expected: 'a number from 0', fits: value => isNumber(value) && value >= 0};
const belowOne: SettingCheck = {
  expected: 'a number from 0 and below 1',
  fits: value => isNumber(value) && value >= 0 && value < 1,
};
const yesOrNo: SettingCheck = {expected: 'true or false', fits: value => typeof value === 'boolean'};
const steps: SettingCheck = {
  expected: 'whole numbers from 1, each above the one before',
  fits: value =>
    Array.isArray(value) &&
    value.every((step, i) => isWhole(step, 1) && (i === 0 || step > (value as number[])[i - 1]!)),
};
const oneOf = (...names: string[]): SettingCheck => ({
  expected: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  fits: value => names.includes(value as string),
});

/** One that need not be given. */
const optional = ({expected, fits}: SettingCheck): SettingCheck => ({
  expected,
  fits: value => value === undefined || fits(value),
});

/** For each setting what it must be. */
export const SETTING_CHECKS: Readonly<Record<keyof TrainSettings, SettingCheck>> = {
  data: optional({expected: 'a folder of photos', fits: isText}),
  pairs: optional({expected: 'two folders, low and high', fits: areFolders}),
  validation: optional({
    expected: 'a folder, or two of pairs',
    fits: value => isText(value) || areFolders(value),
  }),
  out: {expected: 'a folder', fits: isText},
  resume: yesOrNo,
  scale: {expected: '2, 4 or 8', fits: value => [2, 4, 8].includes(value as number)},
  patch: {expected: 'one of 8, 16, 32, 64, 128, ...', fits: value => isNumber(value) && isWhole(Math.log2(value), 3)},
  degradation: optional(oneOf('bicubic', 'real-esrgan')),
  network: optional(oneOf('esrgan', 'compact')),
  filters: whole(1),
  growth: whole(1),
  blocks: whole(1),
  convolutions: optional(whole(0)),
  discriminator: optional(oneOf('vgg', 'unet', 'patch')),
  discriminatorFilters: whole(1),
  batch: whole(1),
  microBatch: optional(whole(1)),
  recompute: optional(yesOrNo),
  warmupSteps: whole(0),
  steps: whole(0),
  warmupLearningRate: positive,
  learningRate: positive,
  discriminatorLearningRate: positive,
  warmupHalveAt: optional(steps),
  halveAt: optional(steps),
  beta1: optional(belowOne),
  loss: optional(oneOf('average', 'paired', 'standard')),
  adversarialWeight: fromZero,
  contentWeight: positive,
  perceptual: optional({expected: 'a safetensors file', fits: isText}),
  perceptualWeight: optional(positive),
  perceptualLayers: optional(oneOf('esrgan', 'real-esrgan')),
  r1: optional(fromZero),
  r2: optional(fromZero),
  weightAverage: optional(belowOne),
  seed: {expected: 'a whole number', fits: value => Number.isInteger(value)},
  backend: {expected: 'the name of a backend', fits: isText},
  threads: optional(whole(1)),
  sampleEvery: whole(0),
  checkpointEvery: whole(0),
  keepCheckpoints: optional(whole(1)),
  keepBest: optional(oneOf('psnrY', 'ssimY', 'sharpness')),
  tensorboard: optional(yesOrNo),
  init: optional({expected: 'a model', fits: isText}),
};

/** A value as a message shows it. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
