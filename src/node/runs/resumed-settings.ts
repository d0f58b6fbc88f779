import {findCheckpoint} from './checkpoint-files.js';
import {nothingToResume} from './folder.js';
import {locatePaths, withAbsolutePaths} from './saved-paths.js';
import type {TrainSettings} from './settings.js';
import {optionName} from './settings.js';

/** What a resumed run cannot change: the networks, what each batch is made of, and whether weights are averaged. */
const FIXED = [
  'scale',
  'degradation',
  'network',
  'filters',
  'growth',
  'blocks',
  'convolutions',
  'discriminator',
  'discriminatorFilters',
  'patch',
  'batch',
  'seed',
  'weightAverage',
] as const satisfies (keyof TrainSettings)[];

/** What these are where they are not given. */
const IF_LEFT_OUT = {
  degradation: 'bicubic',
  network: 'esrgan',
  convolutions: 16,
  discriminator: 'vgg',
  weightAverage: 0,
} as const;

/** What it can change, but not without a word. */
const CHANGEABLE = [
  'data',
  'pairs',
  'validation',
  'warmupSteps',
  'steps',
  'warmupLearningRate',
  'learningRate',
  'discriminatorLearningRate',
  'warmupHalveAt',
  'halveAt',
  'beta1',
  'loss',
  'adversarialWeight',
  'contentWeight',
  'perceptual',
  'perceptualWeight',
  'perceptualLayers',
  'r1',
  'r2',
] as const satisfies (keyof TrainSettings)[];

/**
 * The settings that the run in a folder was last started with, its paths as they are to be found now: see `locatePaths`.
 *
 * @throws one line: there is no checkpoint, or it is damaged or another program's.
 */
export async function savedSettings(path: string): Promise<TrainSettings> {
  const found = await findCheckpoint(path);
  if (!found) throw nothingToResume(path);
  const {settings} = (found.content.header.state ?? {}) as {settings?: TrainSettings};
  if (!settings) throw new Error(`cannot resume from ${found.file}: it is not of a run of this program`);
  return locatePaths(settings, path);
}

/**
 * Refuses to go on with other settings where the run would no longer mean anything, and tells of those that change how it
 * goes on.
 */
export function requireResumable(
  settings: TrainSettings,
  saved: {settings: TrainSettings; step: number},
  onWarning: (message: string) => void,
): void {
  const shown = (value: TrainSettings[keyof TrainSettings], missing: string) => [value ?? missing].flat().join(' ');
  const option = (name: keyof TrainSettings) => `${optionName(name)} ${shown(settings[name], 'left out')}`;
  const had = (name: keyof TrainSettings) => shown(saved.settings[name], 'none');
  const refuse = (name: keyof TrainSettings, rest = '') => {
    throw new Error(`cannot resume with ${option(name)}: the run in ${settings.out} has ${had(name)}${rest}`);
  };
  const [now, before] = [withDefaults(settings), withDefaults(saved.settings)];
  for (const name of FIXED) if (now[name] !== before[name]) refuse(name);
  const [end, newEnd] = [saved.settings.warmupSteps, settings.warmupSteps];
  if (end !== newEnd && saved.step > Math.min(end, newEnd)) refuse('warmupSteps', ` and is at step ${saved.step}`);
  const [given, then] = [withAbsolutePaths(settings), withAbsolutePaths(saved.settings)];
  for (const name of CHANGEABLE) {
    if (String(given[name]) !== String(then[name]))
      onWarning(`going on with ${option(name)}: so far it was ${had(name)}`);
  }
}

function withDefaults(settings: TrainSettings): TrainSettings {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {...IF_LEFT_OUT, ...(Object.fromEntries(given) as unknown as TrainSettings)};
}
