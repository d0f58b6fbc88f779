import {existsSync} from 'node:fs';
import {dirname, join} from 'node:path';

/**
 * This package's own folder. CommonJS in both builds, where `__dirname` is the one way to know one's own place; looked
 * for upwards, because sources and builds lie at different depths.
 */
export const packageFolder = find(__dirname);

function find(folder: string): string {
  // dist/cjs has a package.json as well; the requirements are only here.
  return existsSync(join(folder, 'tensorflow', 'requirements-cpu.txt')) ? folder : find(dirname(folder));
}
