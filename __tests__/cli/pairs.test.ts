import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {placed, writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';

// The built command in a process of its own: what a user runs.
const main = join(__dirname, '../../dist/esm/cli/main.js');
const inFolder = temporaryFolder();
const cli = (...args: string[]) => spawnSync(process.execPath, [main, ...args], {encoding: 'utf8', cwd: inFolder('.')});
const tiny = '--scale 2 --filters 4 --growth 2 --blocks 1 --patch 16 --batch 2 --backend wasm --threads 1'.split(' ');
const steps = ['--warmup-steps', '2', '--steps', '1'];

beforeAll(() => {
  for (let i = 0; i < 2; i++) {
    writePng(inFolder('low', `${i}x2.png`), 20, 20, (x, y) => placed(y, x));
    writePng(inFolder('high', `${i}.png`), 40, 40, placed);
  }
});

test('train and evaluate take pairs, and a run goes on with its own', () => {
  const {status, stdout, stderr} = cli('train', '--pairs', 'low', 'high', ...tiny, ...steps, '--out', 'run');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('measured on 2 of low and high that are learned from too');
  const further = cli('train', '--resume', '--out', 'run', '--steps', '2');
  expect([further.status, further.stdout.includes('going on with --steps 2')]).toEqual([0, true]);
  const other = cli('train', '--resume', '--out', 'run', '--steps', '3', '--data', 'high');
  expect(other.status).toBe(0);
  expect(other.stdout).toContain('going on with --data high');
  expect(other.stdout).toContain(
    `going on with --pairs left out: so far it was ${inFolder('low')} ${inFolder('high')}`,
  );

  const evaluate = (...args: string[]) => cli('evaluate', '--model', 'run', '--backend', 'wasm', '--json', ...args);
  const bicubicOf = (...args: string[]) =>
    (JSON.parse(evaluate(...args).stdout) as {mean: {bicubic: {psnrY: number}}}).mean.bicubic.psnrY;
  // Another picture than the low-resolution one is shrunk from.
  expect(bicubicOf('--pairs', 'low', 'high')).toBeLessThan(bicubicOf('--data', 'high') - 1);
  expect(evaluate('--pairs', 'low', 'high', '--data', 'high').stderr).toBe(
    'tfjs-ragan: --data and --pairs both name photos to measure on: give one\n',
  );
  expect(evaluate().stderr).toContain("required option '--data <folder>' not specified, nor --pairs");
  expect(evaluate('--pairs', 'low').stderr).toBe(
    'tfjs-ragan: --pairs must be two folders, low and high, but it is ["low"]\n',
  );
});

test('pairs of another scale are refused in one line', () => {
  const {status, stderr} = cli('train', '--pairs', 'low', 'high', '--out', 'refused');
  expect([status, stderr]).toEqual([
    2,
    expect.stringMatching(/^tfjs-ragan: no picture in low has the name of one in high: .*\n$/),
  ]);
  const swapped = cli('train', '--pairs', 'high', 'low', ...tiny, '--out', 'refused');
  expect([swapped.status, swapped.stderr.split('\n').length]).toEqual([2, 2]);
});
