import {readFile, stat} from 'node:fs/promises';
import {dirname, resolve} from 'node:path';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import {fileError} from '../system/files.js';
import {listCheckpoints} from './checkpoint-files.js';
import {savedSettings} from './resumed-settings.js';
import {withAbsolutePaths} from './saved-paths.js';
import type {TrainSettings} from './settings.js';
import {requireSetting, TRAIN_SETTINGS} from './settings.js';

/** What a run is made with: all but whether it goes on with another. */
type Config = Omit<TrainSettings, 'resume'>;

const CONFIG = Object.fromEntries(
  Object.entries(TRAIN_SETTINGS).filter(([name]) => name !== 'resume'),
) as OptionNames<Config>;

/** The settings as `--config` takes them: with paths that mean the same from everywhere. */
export function configText(settings: TrainSettings): string {
  const config: Partial<TrainSettings> = withAbsolutePaths(settings);
  delete config.resume;
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * Reads the settings of a run, by its folder, or those of a file: all or some of them. A file's relative paths are meant from its
 * folder.
 *
 * @throws one line naming the folder or file: it holds no run, cannot be read, is no JSON, or has an unknown setting or one
 *   that is not as it must be.
 */
export async function readConfig(file: string): Promise<Partial<Config>> {
  if (await isFolder(file)) return settingsIn(file);
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError('read the config', file, error);
  });
  let config: Partial<Config>;
  try {
    config = JSON.parse(content) as Partial<Config>;
  } catch (error) {
    throw fileError('read the config', file, new Error(`it is not JSON (${(error as Error).message})`, {cause: error}));
  }
  requireKnownOptions(`the config ${file}`, config, CONFIG);
  for (const [name, value] of Object.entries(config)) {
    requireSetting(`the config ${file}: ${name}`, name as keyof Config, value);
  }
  return withAbsolutePaths(config, path => resolve(dirname(file), path));
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

async function settingsIn(folder: string): Promise<Partial<Config>> {
  if ((await listCheckpoints(folder)).length === 0) {
    throw new Error(`the config ${folder} is a folder without a run: name that of a run, or a JSON file`);
  }
  const settings: Partial<TrainSettings> = await savedSettings(folder);
  delete settings.resume;
  return settings;
}
