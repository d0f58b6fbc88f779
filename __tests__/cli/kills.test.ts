import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, readdirSync, watch} from 'node:fs';
import {join} from 'node:path';
import type {TrainSummary} from 'tfjs-ragan/node';
import {testBackends} from '../support/backends.js';
import {placed, writePng} from '../support/photos.js';
import {Dice} from '../support/random-step.js';
import {temporaryFolder} from '../support/temporary-folder.js';

// The built command, killed (kill -9) again and again, and gone on with.
const main = join(__dirname, '../../dist/esm/cli/main.js');
const inFolder = temporaryFolder();
const SEED = 1;
const KILLS = 10;

/** When a process is killed: so many milliseconds after the `count`-th file of a name came into its run's folder. */
interface Moment {
  file: RegExp;
  count: number;
  delay: number;
}

/** Starts, amid steps and while a checkpoint is written, by turns. */
function moments(): Moment[] {
  const dice = new Dice(SEED);
  return Array.from({length: KILLS}, (_, i) => {
    if (i === 4) return {file: /^run\.lock$/, count: 1, delay: dice.below(1000)};
    const count = 1 + dice.below(3);
    return i % 2 === 0
      ? {file: /^checkpoint.*\.bin$/, count, delay: 1 + dice.below(100)}
      : {file: /^checkpoint.*\.tmp$/, count, delay: 0};
  });
}

/** Runs `train`, to its end or to a moment at which it is killed; returns its exit code or signal. */
async function train(backend: string, out: string, resume: boolean, moment?: Moment): Promise<number | string | null> {
  const child = spawn(
    process.execPath,
    [
      ...[main, 'train', '--data', inFolder('photos'), '--out', inFolder(out), ...(resume ? ['--resume'] : [])],
      ...['--backend', backend, '--threads', '1', '--patch', '16', '--batch', '2', '--discriminator-filters', '8'],
      ...['--scale', '2', '--filters', '4', '--growth', '2', '--blocks', '1', '--warmup-steps', '40', '--steps', '60'],
      ...['--checkpoint-every', '3', '--sample-every', '7', '--tensorboard'],
    ],
    {stdio: ['ignore', 'ignore', 'pipe']},
  );
  let printed = '';
  child.stderr.on('data', (text: Buffer) => (printed += text.toString()));
  const ended = new Promise<number | string | null>(resolve =>
    child.on('close', (code, signal) => resolve(signal ?? code)),
  );
  let left = moment?.count;
  const watcher = watch(inFolder(out), (event, name) => {
    // Not one that goes.
    if (!moment?.file.test(name!) || event !== 'rename' || !existsSync(inFolder(out, name!))) return;
    if (--left! !== 0) return;
    if (moment.delay === 0) child.kill('SIGKILL');
    else setTimeout(() => child.kill('SIGKILL'), moment.delay);
  });
  const end = await ended;
  watcher.close();
  if (end !== 0 && end !== 'SIGKILL') throw new Error(printed);
  return end;
}

interface LogLine {
  step: number;
  stage?: string;
  evaluation?: string;
  captured?: boolean;
}

const hash = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** All that must be equal: what tells of time is left out, and the losses in the log, which are means since a start. */
function contentOf(out: string) {
  const read = (...file: string[]) => readFileSync(inFolder(out, ...file));
  const checkpoint = read('checkpoint.bin');
  const log = read('log.jsonl').toString().trim().split('\n');
  const records = log.map(line => ({...(JSON.parse(line) as LogLine), seconds: 0}));
  const {steps, validation} = JSON.parse(read('summary.json').toString()) as TrainSummary;
  return {
    files: readdirSync(inFolder(out)).sort(),
    generator: hash(read('model', 'weights.bin')),
    // Behind its header: both networks, and what both optimizers have accumulated.
    trained: hash(checkpoint.subarray(44 + checkpoint.readUInt32LE(40))),
    evaluations: records.filter(({evaluation}) => evaluation),
    backwards: records.filter(({step}, i) => step < (records[i - 1]?.step ?? 0)),
    sheets: readdirSync(inFolder(out, 'samples')).map(file => [file, hash(read('samples', file))]),
    // At the end: a process that takes one step has none captured yet.
    captured: records.filter(({stage}) => stage).at(-1)!.captured,
    summary: {steps, validation},
  };
}

beforeAll(() => {
  for (let i = 0; i < 3; i++) writePng(inFolder('photos', `photo-${i}.png`), 48, 40 + i, (x, y) => placed(y + i, x));
});

// On the cpu backend it would take too long.
const backends = testBackends.filter(name => name !== 'cpu');
(backends.length > 0 ? describe : describe.skip).each(backends)('a run on %s', backend => {
  test('that is killed at ten moments, also while it saves, ends bit for bit as one that is not', async () => {
    const [whole, killed] = [`${backend}-whole`, `${backend}-killed`];
    mkdirSync(inFolder(whole));
    mkdirSync(inFolder(killed));
    expect(await train(backend, whole, false)).toBe(0);

    let amidSaving = 0;
    const kill = async (moment: Moment) => {
      expect(await train(backend, killed, existsSync(inFolder(killed, 'checkpoint.bin')), moment)).toBe('SIGKILL');
      if (readdirSync(inFolder(killed)).some(name => name.endsWith('.tmp'))) amidSaving++;
    };
    for (const moment of moments()) await kill(moment);
    expect(amidSaving).toBeGreaterThan(0);
    expect(existsSync(inFolder(killed, 'summary.json'))).toBe(false);
    await kill({file: /^model$/, count: 1, delay: 0});
    expect(await train(backend, killed, true)).toBe(0);

    const found = contentOf(killed);
    expect(found).toEqual(contentOf(whole));
    expect(found).toMatchObject({backwards: [], captured: backend !== 'wasm', summary: {steps: 100}});
  }, 600_000);
});
