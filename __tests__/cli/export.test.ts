import {spawnSync} from 'node:child_process';
import {cpSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {writePng} from '../support/photos.js';
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

test('to ONNX, and to PyTorch and from there into every command', () => {
  const written = cli('export', 'run', 'box.safetensors', '--to', 'pytorch', '--weights', 'float16');
  expect([written.status, written.stdout, written.stderr]).toEqual([
    0,
    'box.safetensors: pytorch, weights of float16\n',
    '',
  ]);
  expect(cli('export', 'run', 'box.onnx', '--to', 'onnx').stdout).toBe('box.onnx: onnx, weights of float32\n');
  cpSync(join(root, '__tests__/goldens/nets/rrdb_x4_basicsr.safetensors'), inFolder('esrgan.safetensors'));
  writePng(inFolder('small.png'), 8, 6, (x, y) => [x * 10, y * 10, 99]);
  for (const model of ['box.safetensors', 'esrgan.safetensors']) {
    const {stdout, stderr} = cli('upscale', 'small.png', 'large.png', '--model', model, '--backend', 'wasm');
    expect([stdout, stderr]).toEqual(['large.png: 8 x 6 -> 32 x 24\n', '']);
  }
  const larger = {rrdb_x2_unshuffle: '16 x 12', compact_x2: '16 x 12', compact_x4: '32 x 24'};
  for (const [name, size] of Object.entries(larger)) {
    const file = join(root, `__tests__/goldens/nets/${name}.safetensors`);
    expect(cli('export', file, 'own.safetensors', '--to', 'pytorch').stderr).toBe('');
    const {stdout, stderr} = cli(
      'upscale',
      'small.png',
      'large.png',
      '--model',
      'own.safetensors',
      '--backend',
      'wasm',
    );
    expect([stdout, stderr]).toEqual([`large.png: 8 x 6 -> ${size}\n`, '']);
  }
  const photos = join(root, 'examples/photos/val');
  const sizes = ['--filters', '6', '--growth', '32', '--blocks', '2', '--patch', '16', '--batch', '1'];
  const steps = ['--warmup-steps', '1', '--steps', '0', '--sample-every', '0', '--backend', 'wasm'];
  const begun = cli('train', '--data', photos, '--init', 'esrgan.safetensors', '--out', 'begun', ...sizes, ...steps);
  expect([begun.status, begun.stderr]).toEqual([0, '']);
});

test('what cannot be done is told in one line, and the model that is read stays', () => {
  const before = filesOf('run/model');
  writeFileSync(inFolder('file'), '');
  for (const [args, message] of [
    [['run', 'run/model', '--to', 'tfjs'], 'cannot write run/model: it is the model to export; choose another name'],
    [['run/model/model.json', './run/model/', '--to', 'tfjs'], 'cannot write ./run/model/: it is the model to export'],
    [['run', 'file', '--to', 'tfjs'], 'cannot write file/weights.bin: a file of that name is in the way'],
    [['box.safetensors', './box.safetensors', '--to', 'pytorch'], 'cannot write ./box.safetensors: it is the model'],
    [['run', 'out', '--to', 'pytorch'], 'path must end in .safetensors for the format safetensors, but it is out'],
    [['nowhere', 'out', '--to', 'tfjs'], 'cannot load a model from nowhere/model.json: it does not exist'],
    [['run', 'out'], "required option '--to <program>' not specified"],
    [
      ['run', 'out', '--to', 'pickle'],
      "option '--to <program>' argument 'pickle' is invalid. Allowed choices are tfjs, upscalerjs, pytorch, onnx",
    ],
    [['run', 'out', '--to', 'tfjs', '--weights', 'int4'], 'Allowed choices are float32, float16, uint8, bfloat16'],
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
