import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {DEFAULT_SETTINGS, RECIPES} from 'tfjs-ragan/node';
import {placed, writePng} from '../support/photos.js';
import {temporaryFolder} from '../support/temporary-folder.js';

// The built command in a process of its own: what a user runs.
const main = join(__dirname, '../../dist/esm/cli/main.js');
const inFolder = temporaryFolder();
const cli = (...args: string[]) => spawnSync(process.execPath, [main, ...args], {encoding: 'utf8', cwd: inFolder('.')});
const printed = (...args: string[]) => {
  const {stdout, stderr} = cli('train', ...args, '--print-config');
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
};

beforeAll(() => {
  for (let i = 0; i < 2; i++) writePng(inFolder('photos', `${i}.png`), 40, 40, placed);
});

test('what is given comes before the recipe, and that before the config and the defaults', () => {
  const defaults: Record<string, unknown> = {...DEFAULT_SETTINGS};
  delete defaults.resume;
  expect(printed()).toEqual({...defaults, out: inFolder('run')});
  writeFileSync(
    inFolder('some.json'),
    '{"filters": 5, "batch": 3, "steps": 7, "halveAt": [1, 2], "pairs": ["a", "b"]}',
  );
  const given = ['--batch', '4', '--data', 'photos', '--weight-average', '0'];
  expect(printed('--config', 'some.json', '--recipe', 'compact', ...given)).toEqual({
    ...{...defaults, ...RECIPES.compact},
    ...{batch: 4, data: inFolder('photos'), weightAverage: 0, out: inFolder('run')},
  });
  // Pairs have low-resolution sides of their own.
  expect(printed('--recipe', 'compact', '--pairs', 'a', 'b')).not.toHaveProperty('degradation');
  // Lists too, and nothing where there was something.
  const lists = ['--halve-at', '5', '9', '--warmup-halve-at', 'none'];
  expect(printed('--config', 'some.json', ...lists)).toMatchObject({
    ...{filters: 5, steps: 7, halveAt: [5, 9], warmupHalveAt: []},
    pairs: [inFolder('a'), inFolder('b')],
  });
});

test('what a run was made with makes the same run', () => {
  const tiny = '--filters 4 --growth 2 --blocks 1 --patch 16 --batch 2 --warmup-steps 1 --steps 1 --backend wasm'.split(
    ' ',
  );
  expect(cli('train', '--data', 'photos', ...tiny, '--threads', '1', '--out', 'first').status).toBe(0);
  const ofRun = printed('--config', 'first', '--out', 'second');
  expect(ofRun).toMatchObject({filters: 4, steps: 1, threads: 1, data: inFolder('photos'), out: inFolder('second')});
  mkdirSync(inFolder('below'));
  writeFileSync(inFolder('below', 'run.json'), JSON.stringify({...ofRun, data: '../photos'}));
  expect(printed('--config', 'below/run.json')).toEqual(ofRun);
  expect(cli('train', '--config', 'below/run.json').stdout).toContain('2 steps in');
  expect(printed('--config', 'second')).toEqual(ofRun);
  expect(printed('--resume', '--out', 'second', '--steps', '9')).toEqual({...ofRun, steps: 9});
  expect(cli('train', '--config', 'first').stderr).toContain('already holds a run');
});

test.each([
  ['{"filtres": 3}', "the config bad.json: unknown option 'filtres'; did you mean 'filters'?"],
  ['{"batch": "3"}', 'the config bad.json: batch must be a whole number from 1, but it is "3"'],
  ['{"loss": "hinge"}', 'the config bad.json: loss must be average, paired or standard, but it is "hinge"'],
  ['{"halveAt": [5, 5]}', 'the config bad.json: halveAt must be whole numbers from 1, each above the one before'],
  ['{"pairs": "low"}', 'the config bad.json: pairs must be two folders, low and high, but it is "low"'],
  ['{"scale": null}', 'the config bad.json: scale must be 2, 4 or 8, but it is null'],
  ['{"resume": true}', "the config bad.json: unknown option 'resume'"],
  ['[1]', 'the config bad.json: the options must be an object, but it was given an array'],
  ['{"batch": ', 'cannot read the config bad.json: it is not JSON ('],
])('%s is refused by name, and nothing is written', (content, message) => {
  writeFileSync(inFolder('bad.json'), content);
  const {status, stderr} = cli('train', '--data', 'photos', '--config', 'bad.json', '--out', 'none');
  expect([status, stderr.startsWith(`tfjs-ragan: ${message}`), stderr.trim().split('\n').length]).toEqual([2, true, 1]);
  expect(existsSync(inFolder('none'))).toBe(false);
});

test("the perceptual loss is an option, with a recipe's layers, and a file that is not there is named", () => {
  const given = ['--perceptual', 'vgg19.safetensors', '--perceptual-weight', '0.5'];
  expect(printed('--recipe', 'real-esrgan', ...given)).toMatchObject({
    ...{perceptual: inFolder('vgg19.safetensors'), perceptualWeight: 0.5, perceptualLayers: 'real-esrgan'},
  });
  const {status, stderr} = cli('train', '--data', 'photos', ...given, '--backend', 'wasm', '--out', 'none');
  expect([status, stderr]).toEqual([
    2,
    'tfjs-ragan: cannot read the weights of VGG19 from vgg19.safetensors: it does not exist\n',
  ]);
  expect(existsSync(inFolder('none'))).toBe(false);
});

test('a config that is not there, and a folder without a run, are named', () => {
  expect(cli('train', '--config', 'gone.json').stderr).toBe(
    'tfjs-ragan: cannot read the config gone.json: it does not exist\n',
  );
  expect(cli('train', '--config', 'photos').stderr).toBe(
    'tfjs-ragan: the config photos is a folder without a run: name that of a run, or a JSON file\n',
  );
  expect(cli('train', '--filters', '0', '--print-config').stderr).toBe(
    'tfjs-ragan: --filters must be a whole number from 1, but it is 0\n',
  );
});
