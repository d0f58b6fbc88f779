import {lstat, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {pathInside} from './inside.js';
import type {Sheet} from './state.js';

/**
 * The sample sheets of a run in the order of training: those that are named by a step by that, the others behind what is
 * older than they are.
 */
export async function listSheets(folder: string): Promise<Sheet[]> {
  const samples = await pathInside(folder, 'samples');
  if (samples === undefined) return [];
  const names = (await readdir(samples).catch(() => [])).filter(name => name.endsWith('.png'));
  const found = await Promise.all(
    names.map(async name => {
      const status = await lstat(join(samples, name)).catch(() => undefined);
      return status?.isFile() ? [{name: name.slice(0, -'.png'.length), mtime: status.mtimeMs}] : [];
    }),
  );
  const sheets = found.flat();
  const step = ({name}: {name: string}) => Number(/(\d+)$/.exec(name)?.[1] ?? NaN);
  const ordered = sheets.filter(sheet => !Number.isNaN(step(sheet))).sort((a, b) => step(a) - step(b));
  for (const sheet of sheets.filter(one => !ordered.includes(one)).sort((a, b) => a.mtime - b.mtime)) {
    const newer = ordered.findIndex(({mtime}) => mtime > sheet.mtime);
    ordered.splice(newer < 0 ? ordered.length : newer, 0, sheet);
  }
  return ordered.map(({name, mtime}) => ({name, version: mtime.toString(36)}));
}
