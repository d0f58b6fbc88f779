import type {ChildProcess} from 'node:child_process';
import {spawn, spawnSync} from 'node:child_process';
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {pathToFileURL} from 'node:url';
import {readCheckpointState} from '../../src/node/runs/checkpoint.js';
import {writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';

// The built command in processes of its own, ended in every way that a user, a shell or a system has.
const root = join(__dirname, '../..');
const main = join(root, 'dist/esm/cli/main.js');
const inFolder = temporaryFolder();
const photos = inFolder('photos');
const train = (run: string) => [
  ...['train', '--data', photos, '--out', inFolder(run), '--warmup-steps', '100000', '--backend', 'wasm'],
  ...['--scale', '2', '--filters', '4', '--growth', '2', '--blocks', '1', '--patch', '8', '--batch', '1'],
  ...['--threads', '1', '--checkpoint-every', '0', '--sample-every', '0'],
];

beforeAll(() => {
  writePng(inFolder('photos', 'photo.png'), 40, 40, (x, y) => [6 * x, 6 * y, (x * y) % 256]);
});

/** What a process printed, and its exit code. */
function watch(child: ChildProcess) {
  const printed = {stdout: '', stderr: ''};
  child.stdout?.on('data', (text: Buffer) => (printed.stdout += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (printed.stderr += text.toString()));
  const ended = new Promise<number | string | null>(resolve =>
    child.on('close', (code, signal) => resolve(code ?? signal)),
  );
  return {printed, ended};
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

/** Once a run is in its steps. */
const underWay = (run: string) =>
  until(
    () =>
      existsSync(inFolder(run, 'log.jsonl')) && readFileSync(inFolder(run, 'log.jsonl'), 'utf8').includes('warm-up'),
  );

/** The steps in a run's checkpoint; the folder must hold nothing that is half done. */
async function savedSteps(run: string): Promise<number> {
  const {step} = (await readCheckpointState(inFolder(run, 'checkpoint.bin'))) as {step: number};
  expect(readdirSync(inFolder(run)).sort()).toEqual([
    // The one before the first step stays beside another.
    ...(step > 0 ? ['checkpoint-000000.bin'] : []),
    'checkpoint.bin',
    'log.jsonl',
    'model',
    'report.html',
    'summary.json',
  ]);
  return step;
}

describe('a run stops with a checkpoint and no lock', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('at %s, and at two that come together', async signal => {
    const child = spawn(process.execPath, [main, ...train(signal)]);
    const {printed, ended} = watch(child);
    await underWay(signal);
    child.kill(signal);
    setTimeout(() => child.kill('SIGINT'), 50);
    expect([await ended, printed.stderr]).toEqual([130, '']);
    const step = Number(/stopped after step (\d+); the same command with --resume/.exec(printed.stdout)?.[1]);
    expect(step).toBeGreaterThan(0);
    expect(await savedSteps(signal)).toBe(step);
  });

  test('when its reader goes, as head does', async () => {
    const child = spawn(process.execPath, [main, ...train('head')]);
    const {printed, ended} = watch(child);
    await underWay('head');
    child.stdout.destroy();
    expect([await ended, printed.stderr]).toEqual([141, '']);
    expect(await savedSteps('head')).toBeGreaterThan(0);
  });

  (existsSync('/dev/full') ? test : test.skip)('when what it prints goes onto a full disk', async () => {
    const {status, stderr} = spawnSync(
      'sh',
      ['-c', '"$@" > /dev/full', 'sh', process.execPath, main, ...train('full')],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stderr]).toEqual([2, 'tfjs-ragan: cannot write stdout: no space is left on the disk\n']);
    expect(await savedSteps('full')).toBeGreaterThanOrEqual(0);
  });
});

// In a terminal of its own, which sends Ctrl-C to all of its programs, or goes.
const hasTerminal = spawnSync('script', ['--version']).status === 0;
describe('in a terminal, under npx', () => {
  const inTerminal = (run: string) => {
    const command = ['npx', 'tfjs-ragan', ...train(run)].map(word => `'${word}'`).join(' ');
    return spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {cwd: root, detached: true});
  };

  (hasTerminal ? test : test.skip)('Ctrl-C stops a run with a checkpoint', async () => {
    const child = inTerminal('terminal');
    const {printed} = watch(child);
    await underWay('terminal');
    child.stdin.write('\u0003');
    await until(
      () => existsSync(inFolder('terminal', 'summary.json')) && !existsSync(inFolder('terminal', 'run.lock')),
    );
    expect(printed.stdout).not.toContain('    at ');
    expect(await savedSteps('terminal')).toBeGreaterThan(0);
    child.stdin.end();
  });

  (hasTerminal ? test : test.skip)('a terminal that is closed stops a run with a checkpoint', async () => {
    const child = inTerminal('closed');
    watch(child);
    await underWay('closed');
    child.kill('SIGKILL');
    await until(() => existsSync(inFolder('closed', 'summary.json')) && !existsSync(inFolder('closed', 'run.lock')));
    expect(await savedSteps('closed')).toBeGreaterThan(0);
  });
});

/** A process that holds a run's folder and stops slowly: it says `ready`, and `stopping` at the first signal. */
function slowToStop(run: string) {
  const built = (name: string) => JSON.stringify(pathToFileURL(join(root, 'dist/esm', name)).href);
  const program = `
    import {createWriteStream} from 'node:fs';
    import {onStopSignal} from ${built('cli/stop-signals.js')};
    import {writeFileAtomically} from ${built('node/system/files.js')};
    import {takeRunFolder} from ${built('node/runs/folder.js')};
    const folder = await takeRunFolder(${JSON.stringify(inFolder(run))}, {resume: false});
    onStopSignal(() => console.log('stopping'));
    setInterval(() => {}, 1000);
    console.log('ready');
    for (;;) await writeFileAtomically(folder.checkpoint, Buffer.alloc(3e7));`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program]);
}

test('a signal a second after the first ends at once, and leaves neither a lock nor half a file', async () => {
  const child = slowToStop('impatient');
  const {printed, ended} = watch(child);
  await until(() => printed.stdout.includes('ready'));
  child.kill('SIGINT');
  await until(() => printed.stdout.includes('stopping'));
  child.kill('SIGINT');
  await sleep(1500);
  expect(child.exitCode).toBe(null);
  child.kill('SIGTERM');
  expect([await ended, printed]).toEqual([130, {stdout: 'ready\nstopping\n', stderr: ''}]);
  expect(readdirSync(inFolder('impatient'))).toEqual(['checkpoint.bin']);
});

describe('a command whose reader goes ends without a word', () => {
  test.each<string[]>([
    ['--help'],
    ['train', '--help'],
    ['bench', '--help'],
    ['doctor'],
    ['evaluate', '--json', '--data', photos, '--model', inFolder('SIGINT')],
    ['evaluate', '--data', photos, '--model', inFolder('SIGINT')],
    ['upscale', inFolder('photos', 'photo.png'), inFolder('large.png'), '--model', inFolder('SIGINT')],
  ])('%s %s', async (...args) => {
    // The reader is gone before anything is printed.
    const child = spawn('sh', ['-c', '(sleep 0.3; exec "$@")', 'sh', process.execPath, main, ...args]);
    const {printed, ended} = watch(child);
    child.stdout.destroy();
    expect([await ended, printed.stderr.replace(/^Warning: [^]*/, '')]).toEqual([141, '']);
  });

  test('and is told of a full disk', () => {
    const {status, stderr} = spawnSync(
      'sh',
      ['-c', '"$@" > /dev/full', 'sh', process.execPath, main, 'doctor', '--json'],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stderr.split('\n').filter(line => line.startsWith('tfjs-ragan'))]).toEqual([
      2,
      ['tfjs-ragan: cannot write stdout: no space is left on the disk'],
    ]);
  });
});

test('a process that is killed while it writes a checkpoint leaves the one before whole', async () => {
  const built = pathToFileURL(join(root, 'dist/esm/node/index.js')).href;
  const file = inFolder('killed', 'checkpoint.bin');
  const program = `
    import * as tf from '@tensorflow/tfjs';
    import {saveCheckpoint} from '${built}';
    const model = tf.sequential({layers: [tf.layers.dense({units: 1000, inputShape: [1000]})]});
    for (let step = 0; ; step++) await saveCheckpoint(${JSON.stringify(file)}, {models: {model}, optimizers: {}}, {step});`;
  for (let kill = 0; kill < 4; kill++) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {cwd: root});
    const {ended} = watch(child);
    const halves = () => readdirSync(inFolder('killed')).filter(name => name.endsWith('.tmp'));
    const before = halves();
    await until(() => existsSync(file) && halves().some(name => !before.includes(name)));
    await sleep(7 * kill);
    child.kill('SIGKILL');
    await ended;
    expect(await readCheckpointState(file)).toEqual({step: expect.any(Number) as number});
  }
});
