import {appendFileSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {writePng} from './photos.js';

/** Adds lines to a run's log. */
export function log(folder: string, ...records: object[]): void {
  appendFileSync(join(folder, 'log.jsonl'), records.map(record => JSON.stringify(record) + '\n').join(''));
}

/** Makes a run's folder as a stopped run leaves it, of pictures that are as wide as their step says. */
export function makeRun(folder: string, {steps = 30, sheets = [10, 20]} = {}): string {
  mkdirSync(join(folder, 'samples'), {recursive: true});
  writeFileSync(join(folder, 'summary.json'), '{}');
  writeFileSync(join(folder, 'log.jsonl'), '');
  log(folder, {step: 0, evaluation: 'start', psnrY: 10, seconds: 0});
  for (let step = 1; step <= steps; step++) {
    const [stage, seconds] = [step <= steps / 2 ? 'warm-up' : 'GAN', step / 10];
    log(folder, {step, stage, content: 1 / step, discriminatorLoss: 1.4, generatorLoss: 0.7 + step / 100, seconds});
  }
  for (const step of sheets) {
    const name = `step-${String(step).padStart(6, '0')}.png`;
    writePng(join(folder, 'samples', name), step, 8, (x, y) => [9 * x, 9 * y, 99]);
  }
  return folder;
}
