import {copyFileSync, existsSync, readFileSync, readdirSync, truncateSync} from 'node:fs';
import {DEFAULT_SETTINGS, readCheckpointState, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {savedSettings} from '../../../src/node/runs/resumed-settings.js';
import {describeOnBackends} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const quiet = {onWarning: () => undefined};
const tiny = {
  ...{scale: 2, filters: 2, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 8, batch: 2},
  ...{warmupSteps: 4, steps: 25, threads: 1},
};
const weightsIn = (run: string) => readFileSync(inFolder(run, 'model', 'weights.bin')).toString('base64');
const checkpointsIn = (run: string) => readdirSync(inFolder(run, '.')).filter(name => name.startsWith('checkpoint'));

beforeAll(() => {
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 24, 24 + i, (x, y) => placed(y + i, x));
});

describeOnBackends('a run', backend => {
  const settings = (out: string, changed: Partial<TrainSettings> = {}): TrainSettings => ({
    ...{...DEFAULT_SETTINGS, ...tiny, data: inFolder('photos'), out: inFolder(backend, out), backend},
    ...changed,
  });

  test('whose newest checkpoint is torn is told so, goes on from the one before, and ends as it would have', async () => {
    const every = {checkpointEvery: 6, keepCheckpoints: 3, sampleEvery: 6};
    await trainEsrgan(settings('whole', every), quiet);
    expect(checkpointsIn(`${backend}/whole`)).toEqual([
      'checkpoint-000018.bin',
      'checkpoint-000024.bin',
      'checkpoint.bin',
    ]);
    await trainEsrgan(settings('torn', every), quiet);
    const at = (name: string) => inFolder(backend, 'torn', name);
    truncateSync(at('checkpoint.bin'), 2000);
    truncateSync(at('checkpoint-000024.bin'), 0);
    // As the command line begins, and `watch`.
    expect(await savedSettings(inFolder(backend, 'torn'))).toMatchObject({keepCheckpoints: 3});
    const warnings: string[] = [];
    let first: number | undefined;
    const {step} = await trainEsrgan(settings('torn', {...every, resume: true}), {
      onWarning: message => void warnings.push(message),
      onStart: ({firstStep}) => {
        first = firstStep;
        // It was that of another step.
        expect(existsSync(at('samples/end.png'))).toBe(false);
      },
    });
    expect([first, step]).toEqual([18, 29]);
    const instead = `going on from ${at('checkpoint-000018.bin')}, of step 18`;
    expect(warnings.filter(message => message.includes('checkpoint'))).toEqual([
      `cannot read the checkpoint ${at('checkpoint.bin')}: it is damaged or cut short; ${instead}`,
      `cannot read the checkpoint ${at('checkpoint-000024.bin')}: it is not a checkpoint; ${instead}`,
    ]);
    expect(weightsIn(`${backend}/torn`)).toBe(weightsIn(`${backend}/whole`));
    expect(readdirSync(at('samples'))).toEqual(readdirSync(inFolder(backend, 'whole', 'samples')));
    const steps = readFileSync(at('log.jsonl'), 'utf8').split('\n');
    expect(steps).toHaveLength(readFileSync(inFolder(backend, 'whole', 'log.jsonl'), 'utf8').split('\n').length);
    expect(checkpointsIn(`${backend}/torn`)).toEqual([
      'checkpoint-000018.bin',
      'checkpoint-000024.bin',
      'checkpoint.bin',
    ]);
  });

  test('of 0.1 goes on', async () => {
    const old = `${__dirname}/../../fixtures/checkpoints/0.1.bin`;
    const at = (name: string) => inFolder(backend, 'old', name);
    copyFileSync(old, at('checkpoint.bin'));
    const {finished, step} = await trainEsrgan(settings('old', {resume: true, steps: 5}), quiet);
    expect([finished, step]).toEqual([true, 9]);
    expect(checkpointsIn(`${backend}/old`)).toEqual(['checkpoint-000007.bin', 'checkpoint.bin']);
    expect(readFileSync(at('checkpoint-000007.bin')).equals(readFileSync(old))).toBe(true);
    expect(await readCheckpointState(at('checkpoint.bin'))).toMatchObject({step: 9});
  });
});
