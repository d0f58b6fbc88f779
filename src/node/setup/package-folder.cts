import {existsSync} from 'node:fs';
import {dirname, join} from 'node:path';

/**
 * This package's own folder. CommonJS in both builds, where `__dirname` is the one way to know one's own place; looked
 * for upwards, because sources and builds lie at different depths.
 *
 * @throws where there is none: in a program that a bundler has made one file of.
 */
export function packageFolder(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    // dist/cjs has a package.json as well; the requirements are only at the top.
    if (existsSync(join(folder, 'native', 'requirements-cpu.txt'))) return folder;
  }
  throw new Error('the folder of the package tfjs-ragan was not found: it is part of a bundle');
}
