import {execFile} from 'node:child_process';
import {copyFileSync, readFileSync, readdirSync, truncateSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import {DEFAULT_SETTINGS, readCheckpointState} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {savedSettings} from '../../src/node/runs/resumed-settings.js';
import {testBackends} from '../support/backends.js';
import {placed, writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';

const inFolder = temporaryFolder();
const built = pathToFileURL(join(__dirname, '../../dist/esm/node/index.js')).href;
const tiny = {
  ...{scale: 2, filters: 2, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 8, batch: 2},
  ...{warmupSteps: 4, steps: 25, threads: 1},
};

/** The built `trainEsrgan`, in a process of its own, with what it tells. */
async function train(settings: TrainSettings) {
  const program = `
    import {existsSync} from 'node:fs';
    import {trainEsrgan} from ${JSON.stringify(built)};
    const settings = ${JSON.stringify(settings)};
    const told = {warnings: []};
    const {finished, step} = await trainEsrgan(settings, {
      onWarning: message => told.warnings.push(message),
      onStart: ({firstStep}) => Object.assign(told, {first: firstStep, hasEnd: existsSync(settings.out + '/samples/end.png')}),
    });
    console.log(JSON.stringify({finished, step, ...told}));`;
  const {stdout} = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const told: unknown = JSON.parse(stdout.trim().split('\n').at(-1)!);
  return told as {finished: boolean; step: number; first: number; hasEnd: boolean; warnings: string[]};
}

const weightsIn = (run: string) => readFileSync(inFolder(run, 'model', 'weights.bin')).toString('base64');
const checkpointsIn = (run: string) => readdirSync(inFolder(run, '.')).filter(name => name.startsWith('checkpoint'));

beforeAll(() => {
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 24, 24 + i, (x, y) => placed(y + i, x));
});

describe.each(testBackends)('a run on %s', backend => {
  const settings = (out: string, changed: Partial<TrainSettings> = {}): TrainSettings => ({
    ...{...DEFAULT_SETTINGS, ...tiny, data: inFolder('photos'), out: inFolder(backend, out), backend},
    ...changed,
  });

  test('whose newest checkpoint is torn is told so, goes on from the one before, and ends as it would have', async () => {
    const every = {checkpointEvery: 6, keepCheckpoints: 3, sampleEvery: 6};
    await train(settings('whole', every));
    expect(checkpointsIn(`${backend}/whole`)).toEqual([
      'checkpoint-000018.bin',
      'checkpoint-000024.bin',
      'checkpoint.bin',
    ]);
    await train(settings('torn', every));
    const at = (name: string) => inFolder(backend, 'torn', name);
    truncateSync(at('checkpoint.bin'), 2000);
    truncateSync(at('checkpoint-000024.bin'), 0);
    // As the command line begins, and `watch`.
    expect(await savedSettings(inFolder(backend, 'torn'))).toMatchObject({keepCheckpoints: 3});
    const {step, first, hasEnd, warnings} = await train(settings('torn', {...every, resume: true}));
    // The sheet was that of another step.
    expect([first, step, hasEnd]).toEqual([18, 29, false]);
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
    const old = `${__dirname}/../fixtures/checkpoints/0.1.bin`;
    const at = (name: string) => inFolder(backend, 'old', name);
    copyFileSync(old, at('checkpoint.bin'));
    const {finished, step} = await train(settings('old', {resume: true, steps: 5}));
    expect([finished, step]).toEqual([true, 9]);
    expect(checkpointsIn(`${backend}/old`)).toEqual(['checkpoint-000007.bin', 'checkpoint.bin']);
    expect(readFileSync(at('checkpoint-000007.bin')).equals(readFileSync(old))).toBe(true);
    expect(await readCheckpointState(at('checkpoint.bin'))).toMatchObject({step: 9});
  });
});
