import {spawnSync} from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {PNG} from 'pngjs';
import {DEFAULT_SETTINGS, loadModel, readCheckpointState, trainEsrgan} from 'tfjs-ragan/node';
import type {TrainSettings} from 'tfjs-ragan/node';
import {record} from '../../../src/node/tensorboard/event-file.js';
import {activateBackend} from '../../support/backends.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const quiet = {onWarning: () => undefined};
const settings = (run: string): TrainSettings => ({
  ...DEFAULT_SETTINGS,
  ...{data: inFolder('photos'), out: inFolder(run), backend: 'wasm', threads: 1, tensorboard: true},
  ...{scale: 2, filters: 4, growth: 2, blocks: 1, discriminatorFilters: 2, patch: 16, batch: 2},
  ...{warmupSteps: 12, steps: 12, checkpointEvery: 5, sampleEvery: 6},
});
const weightsIn = (run: string) => readFileSync(inFolder(run, 'model', 'weights.bin')).toString('base64');
const eventFile = (run: string) => join('tensorboard', readdirSync(inFolder(run, 'tensorboard'))[0]!);

beforeAll(async () => {
  await activateBackend('wasm');
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
  await trainEsrgan(settings('undisturbed'), quiet);
});

/** Of everything in a run's folder only the last lines of files that are added to may be cut short. */
async function expectWhole(run: string): Promise<void> {
  const files = readdirSync(inFolder(run), {recursive: true, withFileTypes: true})
    .filter(file => file.isFile())
    .map(({parentPath, name}) => join(parentPath, name));
  for (const file of files) {
    const content = readFileSync(file);
    expect(file).not.toMatch(/\.tmp$|\.old$|run\.lock$/);
    if (file.endsWith('.png')) PNG.sync.read(content);
    else if (/checkpoint(-\d+)?\.bin$/.test(file)) expect(await readCheckpointState(file)).toHaveProperty('step');
    else if (file.endsWith('.json')) JSON.parse(content.toString());
    else if (file.endsWith('.html')) expect(content.toString()).toMatch(/<\/html>\n$/);
    else if (file.endsWith('.jsonl'))
      content
        .toString()
        .split('\n')
        .slice(0, -1)
        .forEach(line => void JSON.parse(line));
    else if (file.includes('tfevents')) expectRecords(content);
    else expect(file).toBe(inFolder(run, 'model', 'weights.bin'));
  }
  if (existsSync(inFolder(run, 'model'))) (await loadModel(inFolder(run, 'model'))).dispose();
}

function expectRecords(content: Buffer): void {
  let at = 0;
  while (at + 12 <= content.length) {
    const length = Number(content.readBigUInt64LE(at));
    const next = at + 12 + length + 4;
    if (next > content.length) break;
    expect(content.subarray(at, next).equals(record(content.subarray(at + 12, at + 12 + length)))).toBe(true);
    at = next;
  }
  expect(at).toBeGreaterThan(0);
}

/** The run, gone on with once the fault is mended, ends as one that nothing happened to. */
async function expectGoesOn(run: string): Promise<void> {
  expect(await trainEsrgan({...settings(run), resume: true}, quiet)).toMatchObject({finished: true, step: 24});
  expect(weightsIn(run)).toBe(weightsIn('undisturbed'));
  await expectWhole(run);
}

/** What the run says when it stops after `harm`, which is done after a step with which nothing is due yet. */
async function stopped(run: string, harm: () => void): Promise<string> {
  const before = tf.memory().numTensors;
  const onStep = (taken: number) => taken === 17 && harm();
  const error = await trainEsrgan(settings(run), {...quiet, onStep}).then(
    () => new Error('it did not stop'),
    (caught: Error) => caught,
  );
  expect(tf.memory().numTensors).toBe(before);
  return error.message;
}

type Fault = readonly [string, (run: string) => string, (path: string) => void, string, string];

const log = () => 'log.jsonl';
const checkpoint = () => 'checkpoint.bin';
const samples = () => 'samples';
const toFullDisk = (path: string) => symlinkSync('/dev/full', path);
const fullDisk = (file: (run: string) => string, what: string): Fault[] =>
  existsSync('/dev/full') ? [[`${what} is on a full disk`, file, toFullDisk, '', 'no space is left on the disk']] : [];
const toNowhere = (path: string) => symlinkSync('/none/here', path);
const empty = (path: string) => writeFileSync(path, '');

test.each<Fault>([
  ['its log is a folder', log, mkdirSync, '', 'it is a folder'],
  ...fullDisk(log, 'its log'),
  ['its log leads nowhere', log, toNowhere, '', 'it does not exist'],
  ['its checkpoint is a folder', checkpoint, mkdirSync, '', 'it is a folder'],
  ['its samples are a file', samples, empty, '/step-000018.png', 'a file of that name is in the way'],
  ['its event file is a folder', eventFile, mkdirSync, '', 'it is a folder'],
  ...fullDisk(eventFile, 'its event file'),
  ['its event file is gone, with its folder', () => 'tensorboard', empty, '', 'part of the path is not a folder'],
])('where %s a run stops in one line, and goes on later', async (what, file, put, below, reason) => {
  const run = what.replaceAll(' ', '-');
  let path = '';
  const message = await stopped(run, () => {
    path = inFolder(run, file(run));
    renameSync(path, inFolder(`${run}-aside`));
    put(path);
  });
  expect(message).toMatch(new RegExp(`^cannot write ${path}${below}.*: ${reason}$`));
  rmSync(path, {recursive: true});
  renameSync(inFolder(`${run}-aside`), path);
  await expectWhole(run);
  await expectGoesOn(run);
});

test.each<[string, (folder: string) => void]>([
  ['removed', folder => rmSync(folder, {recursive: true})],
  ['moved', folder => renameSync(folder, `${folder}-elsewhere`)],
  ['a file by now', folder => (renameSync(folder, `${folder}-elsewhere`), empty(folder))],
])('where its folder is %s a run stops in one line, and makes no other', async (what, harm) => {
  const run = what.replaceAll(' ', '-');
  const message = `${inFolder(run)}/run.lock was removed: this run stops, so as to write over nothing`;
  expect(await stopped(run, () => harm(inFolder(run)))).toBe(message);
  if (what === 'a file by now') rmSync(inFolder(run));
  expect(existsSync(inFolder(run))).toBe(false);
  if (what === 'removed') return;
  rmSync(inFolder(`${run}-elsewhere`, 'run.lock'));
  await expectWhole(`${run}-elsewhere`);
  await expectGoesOn(`${run}-elsewhere`);
});

// A real limit of the system, which ends a write in its middle as a full disk does.
describe('where no file may be larger than', () => {
  const built = pathToFileURL(join(__dirname, '../../../dist/esm/node/index.js')).href;
  const limited = (run: string, kibibytes: number, changed: Partial<TrainSettings>) => {
    const program = `
      import {trainEsrgan} from ${JSON.stringify(built)};
      const settings = ${JSON.stringify({...settings(run), ...changed})};
      await trainEsrgan(settings, {onWarning: () => undefined}).catch(error => console.log(error.message));`;
    const shell = `ulimit -f ${2 * kibibytes}; exec "$@"`;
    const node = [process.execPath, '--input-type=module', '--eval', program];
    const {stdout, status} = spawnSync('sh', ['-c', shell, 'sh', ...node], {encoding: 'utf8'});
    expect(status).toBe(0);
    return stdout.trim().split('\n').at(-1)!;
  };
  const reason = 'it would be larger than the file system or a limit (ulimit -f) allows';

  test.each<[number, string, boolean, string[]]>([
    [30, 'checkpoint.bin', true, []],
    [
      180,
      'tensorboard/events.*',
      true,
      ['checkpoint-000012.bin', 'checkpoint.bin', 'log.jsonl', 'samples', 'tensorboard'],
    ],
    [
      180,
      'report.html',
      false,
      ['checkpoint-000020.bin', 'checkpoint.bin', 'log.jsonl', 'model', 'samples', 'summary.json'],
    ],
  ])('%i KiB %s is told of, and the run goes on later', async (kibibytes, file, tensorboard, left) => {
    const run = `limited-${kibibytes}-${tensorboard}`;
    const message = limited(run, kibibytes, {tensorboard});
    expect(message).toMatch(new RegExp(`^cannot write ${inFolder(run)}/${file}: `));
    expect(message.endsWith(reason)).toBe(true);
    expect(existsSync(inFolder(run)) ? readdirSync(inFolder(run)).sort() : []).toEqual(left);
    if (left.length === 0) return;
    await expectWhole(run);
    await expectGoesOn(run);
  });
});
