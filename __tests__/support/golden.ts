import {readFileSync} from 'node:fs';
import {join} from 'node:path';

/** The golden values in `__tests__/goldens/<name>.json`, as the caller's type says they are laid out. */
export function readGoldens<T>(name: string): T {
  return JSON.parse(readFileSync(join(__dirname, '../goldens', `${name}.json`), 'utf8')) as T;
}
