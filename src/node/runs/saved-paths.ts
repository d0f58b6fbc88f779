import {existsSync} from 'node:fs';
import {access} from 'node:fs/promises';
import {isAbsolute, relative, resolve} from 'node:path';
import {DEFAULT_MODEL} from '../models/default-model.js';
import type {TrainSettings} from './settings.js';

const PATHS = ['data', 'pairs', 'validation', 'init', 'perceptual', 'out'] as const satisfies (keyof TrainSettings)[];

/**
 * The settings as a checkpoint keeps them: with paths that mean the same from every working directory. What `init` is a name of,
 * no file, stays.
 */
export function withAbsolutePaths<Settings extends Partial<TrainSettings>>(
  settings: Settings,
  absolute: (path: string) => string = path => resolve(path),
): Settings {
  const {init} = settings;
  const isName = init !== undefined && (init === DEFAULT_MODEL || !existsSync(absolute(init)));
  return {...settings, ...mapPaths(settings, absolute), ...(isName && {init})};
}

/**
 * The settings of a checkpoint with their paths as they are to be found now: where they were or, if nothing is there, where
 * they are if the run's folder has moved together with them. Relative ones, as checkpoints kept before, are looked for
 * from the run's folder first, and then from the working directory.
 *
 * @param out the run's folder now.
 */
export async function locatePaths(saved: TrainSettings, out: string): Promise<TrainSettings> {
  const found = new Map<string, string>();
  for (const path of Object.values(mapPaths(saved, path => path)).flat()) {
    const moved = isAbsolute(path) === isAbsolute(saved.out) ? resolve(out, relative(saved.out, path)) : path;
    const candidates = isAbsolute(path) ? [path, moved] : [moved, path];
    found.set(path, (await firstThere(candidates)) ?? path);
  }
  return {...saved, ...mapPaths(saved, path => found.get(path)!), out};
}

function mapPaths(
  settings: Partial<TrainSettings>,
  map: (path: string) => string,
): Partial<Pick<TrainSettings, (typeof PATHS)[number]>> {
  return Object.fromEntries(
    PATHS.flatMap(name => {
      const paths = settings[name];
      if (paths === undefined) return [];
      return [[name, typeof paths === 'string' ? map(paths) : paths.map(map)] as const];
    }),
  );
}

async function firstThere(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}
