import {chmodSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

/** Fills a folder with shell scripts, to be the PATH of what is tested: each name with the script that it runs. */
export function fakePrograms(folder: string, scripts: Record<string, string>): string {
  mkdirSync(folder, {recursive: true});
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}
