import {spawnSync} from 'node:child_process';
import {cpSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {temporaryFolder} from '../support/temporary-folder.js';

// The built command in a process of its own: what a user runs.
const root = join(__dirname, '../..');
const inFolder = temporaryFolder();
const cli = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'dist/esm/cli/main.js'), ...args], {encoding: 'utf8', cwd: inFolder('.')});
const filesOf = (folder: string) =>
  readdirSync(inFolder(folder)).map(name => [name, readFileSync(inFolder(folder, name), 'base64')]);

beforeAll(() => {
  cpSync(join(root, 'models/x4'), inFolder('run', 'model'), {recursive: true});
});

test.each([
  ['float32', 4],
  ['float16', 2],
  ['uint8', 1.05],
])('to tfjs, with weights of %s, from a run or a folder', (weights, bytes) => {
  const large = inFolder('float32-from-run', 'model');
  const from = weights === 'float32' ? 'run' : 'float32-from-run/model';
  const to = weights === 'float32' ? 'float32-from-run/model' : weights;
  const {status, stdout, stderr} = cli('export', from, to, '--to', 'tfjs', '--weights', weights);
  expect([status, stdout, stderr]).toEqual([0, `${to}: tfjs, weights of ${weights}\n`, '']);
  expect(readdirSync(inFolder(to)).sort()).toEqual(['model.json', 'weights.bin']);
  const count = readFileSync(join(large, 'weights.bin')).length / 4;
  expect(readFileSync(inFolder(to, 'weights.bin')).length / count).toBeLessThanOrEqual(bytes);
});

test('what cannot be done is told in one line, and the model that is read stays', () => {
  const before = filesOf('run/model');
  writeFileSync(inFolder('file'), '');
  for (const [args, message] of [
    [['run', 'run/model', '--to', 'tfjs'], 'cannot write run/model: it is the model to export; choose another name'],
    [['run/model/model.json', './run/model/', '--to', 'tfjs'], 'cannot write ./run/model/: it is the model to export'],
    [['run', 'file', '--to', 'tfjs'], 'cannot write file/weights.bin: a file of that name is in the way'],
    [['nowhere', 'out', '--to', 'tfjs'], 'cannot load a model from nowhere/model.json: it does not exist'],
    [['run', 'out'], "required option '--to <format>' not specified"],
    [['run', 'out', '--to', 'pickle'], "option '--to <format>' argument 'pickle' is invalid. Allowed choices are tfjs"],
    [['run', 'out', '--to', 'tfjs', '--weights', 'int4'], 'Allowed choices are float32, float16, uint8'],
  ] as const) {
    const {status, stdout, stderr} = cli('export', ...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter(line => !line.includes('--help')),
    ).toHaveLength(1);
  }
  expect(filesOf('run/model')).toEqual(before);
  expect(readdirSync(inFolder('.'))).not.toContain('out');
});
