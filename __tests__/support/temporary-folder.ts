import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';

/** A folder for the tests of one file, removed after them; returns what gives the path of something in it. */
export function temporaryFolder(): (...names: string[]) => string {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-'));
  afterAll(() => rmSync(folder, {recursive: true, force: true}));
  return (...names) => {
    const path = join(folder, ...names);
    mkdirSync(dirname(path), {recursive: true});
    return path;
  };
}
