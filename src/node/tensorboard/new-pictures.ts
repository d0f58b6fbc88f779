import {readFile, readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {Picture} from './event.js';

/** The bytes that a PNG file begins with. */
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The PNG files of a folder that were written since it was last asked for them; it need not be there. */
export class NewPictures {
  private readonly seen = new Map<string, number>();

  constructor(private readonly folder: string) {}

  /** Passes over those that are there by now. */
  async skip(): Promise<void> {
    await this.changed();
  }

  /** Those that came, or changed, by their names without the ending. */
  async take(): Promise<[name: string, picture: Picture][]> {
    const pictures: [string, Picture][] = [];
    for (const file of await this.changed()) {
      const png = await readFile(join(this.folder, file)).catch(() => undefined);
      if (!png || png.length < 24 || !png.subarray(0, 8).equals(SIGNATURE)) continue;
      pictures.push([file.slice(0, -'.png'.length), {width: png.readUInt32BE(16), height: png.readUInt32BE(20), png}]);
    }
    return pictures;
  }

  private async changed(): Promise<string[]> {
    const changed: string[] = [];
    for (const file of (await readdir(this.folder).catch(() => [])).sort()) {
      if (!file.endsWith('.png')) continue;
      const {mtimeMs} = await stat(join(this.folder, file)).catch(() => ({mtimeMs: 0}));
      if (mtimeMs === 0 || this.seen.get(file) === mtimeMs) continue;
      this.seen.set(file, mtimeMs);
      changed.push(file);
    }
    return changed;
  }
}
