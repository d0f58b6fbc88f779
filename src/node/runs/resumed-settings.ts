import {findCheckpoint} from './checkpoint-files.js';
import {nothingToResume} from './folder.js';
import {locatePaths, withAbsolutePaths} from './saved-paths.js';
import type {TrainSettings} from './settings.js';
import {optionName} from './settings.js';

/** What a resumed run cannot change: the networks, and what each batch is made of. */
const FIXED = [
  'scale',
  'filters',
  'growth',
  'blocks',
  'discriminatorFilters',
  'patch',
  'batch',
  'seed',
] as const satisfies (keyof TrainSettings)[];

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
  'adversarialWeight',
  'contentWeight',
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
  for (const name of FIXED) if (settings[name] !== saved.settings[name]) refuse(name);
  const [before, now] = [saved.settings.warmupSteps, settings.warmupSteps];
  if (before !== now && saved.step > Math.min(before, now)) refuse('warmupSteps', ` and is at step ${saved.step}`);
  const [given, then] = [withAbsolutePaths(settings), withAbsolutePaths(saved.settings)];
  for (const name of CHANGEABLE) {
    if (String(given[name]) !== String(then[name]))
      onWarning(`going on with ${option(name)}: so far it was ${had(name)}`);
  }
}
