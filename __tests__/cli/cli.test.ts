import * as tf from '@tensorflow/tfjs';
import {spawn, spawnSync} from 'node:child_process';
import {copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import sharp from 'sharp';
import {spectralNormalization} from 'tfjs-ragan';
import {saveModel} from 'tfjs-ragan/node';
import {writePng} from '../support/photos.js';

// The built command in a process of its own: what a user runs.
const root = join(__dirname, '../..');
const main = join(root, 'dist/esm/cli/main.js');
const photos = join(root, 'examples/photos/val');
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-cli-'));
const inFolder = (...names: string[]) => join(folder, ...names);
const cli = (...args: string[]) => spawnSync(process.execPath, [main, ...args], {encoding: 'utf8', cwd: folder});
const tiny = [
  '--data',
  photos,
  '--filters',
  '4',
  '--growth',
  '2',
  '--blocks',
  '1',
  '--patch',
  '16',
  '--batch',
  '2',
  '--backend',
  'wasm',
  '--threads',
  '1',
];
const json = (...names: string[]) => JSON.parse(readFileSync(inFolder(...names), 'utf8')) as Record<string, never>;

afterAll(() => rmSync(folder, {recursive: true, force: true}));

describe('train', () => {
  let output = '';
  beforeAll(() => {
    const {status, stdout, stderr} = cli(
      'train',
      ...tiny,
      '--warmup-steps',
      '20',
      '--steps',
      '10',
      '--sample-every',
      '20',
      '--out',
      'run',
    );
    output = stdout;
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('tells what it does in plain lines', () => {
    expect(output).toMatch(/backend wasm: /);
    expect(output).toMatch(/start +PSNR-Y +\d+\.\d+ dB/);
    expect(output).toMatch(/30 steps in \d+ s/);
  });

  test('leaves a summary, a log, samples, a report and a model, and no lock', () => {
    const {backend, steps, validation} = json('run', 'summary.json') as unknown as {
      backend: string;
      steps: number;
      validation: Record<string, Record<string, number>>;
    };
    expect([backend, steps]).toEqual(['wasm', 30]);
    for (const name of ['psnrY', 'ssimY', 'sharpness']) {
      expect(Object.keys(validation[name]!).sort()).toEqual(['afterWarmup', 'bicubic', 'end', 'start']);
    }
    expect(validation.psnrY!.afterWarmup!).toBeGreaterThan(validation.psnrY!.start!);
    const log = readFileSync(inFolder('run', 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>);
    expect(log.filter(record => record.stage === 'GAN')).toHaveLength(1);
    expect(readdirSync(inFolder('run')).sort()).toEqual([
      'checkpoint-000020.bin',
      'checkpoint.bin',
      'log.jsonl',
      'model',
      'report.html',
      'samples',
      'summary.json',
    ]);
    expect(readdirSync(inFolder('run', 'samples')).sort()).toEqual(['after-warm-up.png', 'end.png', 'step-000020.png']);
    const report = readFileSync(inFolder('run', 'report.html'), 'utf8');
    expect(report).toContain('data:image/png;base64,');
    expect(report).not.toMatch(/(src|href)="http/);
  });

  test('will not write over a run, and resumes one', () => {
    const again = cli('train', ...tiny, '--out', 'run');
    expect(again.status).toBe(2);
    expect(again.stderr).toBe(
      'tfjs-ragan: run already holds a run: add --resume to go on with it, or choose another folder with --out\n',
    );
    const other = cli('train', ...tiny, '--filters', '8', '--out', 'run', '--resume');
    expect(other.stderr).toContain('cannot resume with --filters 8: the run in run has 4');
    const more = cli('train', ...tiny, '--warmup-steps', '20', '--steps', '20', '--out', 'run', '--resume');
    expect(more.status).toBe(0);
    expect((json('run', 'summary.json') as unknown as {steps: number}).steps).toBe(40);
    // With nothing but --resume it goes on as it was.
    const asItWas = cli('train', '--out', 'run', '--resume', '--steps', '21');
    expect([asItWas.status, asItWas.stderr]).toEqual([0, '']);
    expect(asItWas.stdout).toContain('backend wasm: WebAssembly on 1 thread');
    expect(asItWas.stdout).toMatch(/going on with --steps 21: so far it was 20\n/);
    expect(asItWas.stdout).toContain('41 steps');
    const larger = cli('train', '--out', 'run', '--resume', '--batch', '3');
    expect(larger.stderr).toBe('tfjs-ragan: cannot resume with --batch 3: the run in run has 2\n');
  });

  test('upscale enlarges with it, and keeps transparency', async () => {
    await sharp({create: {width: 20, height: 13, channels: 4, background: {r: 200, g: 100, b: 50, alpha: 0.5}}})
      .png()
      .toFile(inFolder('in.png'));
    // TensorFlow.js has a banner for those who use its cpu backend in Node.
    for (const backend of ['wasm', 'cpu']) {
      const {status, stdout, stderr} = cli('upscale', 'in.png', 'out.png', '--model', 'run', '--backend', backend);
      expect([status, stdout, stderr]).toEqual([0, 'out.png: 20 x 13 -> 80 x 52\n', '']);
    }
    const refused = cli('upscale', 'in.png', 'bad.png', '--model', 'run', '--overlap', 'wide');
    expect(refused.stderr).toBe('tfjs-ragan: upscale: overlap must be a whole number of at least 0, but it is NaN.\n');
    const {width, height, hasAlpha} = await sharp(inFolder('out.png')).metadata();
    expect([width, height, hasAlpha]).toEqual([80, 52, true]);
  });

  test('evaluate measures it', () => {
    mkdirSync(inFolder('mixed'));
    for (const name of readdirSync(photos)) copyFileSync(join(photos, name), inFolder('mixed', name));
    writeFileSync(inFolder('mixed', 'broken.png'), 'no picture');
    writePng(inFolder('mixed', 'white.png'), 64, 64, () => [255, 255, 255]);
    const {status, stdout, stderr} = cli('evaluate', '--data', 'mixed', '--model', 'run', '--json');
    expect(status).toBe(0);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^skipping a photo: cannot decode mixed\/broken.png: /),
      'skipping a photo: cannot measure on mixed/white.png: what is measured of it is of one colour',
    ]);
    expect(stdout).not.toContain('null');
    const {photos: measured, mean} = JSON.parse(stdout) as {photos: unknown[]; mean: {bicubic: {psnrY: number}}};
    expect(measured).toHaveLength(3);
    expect(mean.bicubic.psnrY).toBeGreaterThan(20);
  });

  test('evaluate measures the middle of photos larger than --crop, and says so', () => {
    const evaluate = (...args: string[]) =>
      cli('evaluate', '--data', photos, '--model', 'run', '--backend', 'wasm', ...args);
    const {stdout} = evaluate('--crop', '50', '--json');
    const {photos: measured} = JSON.parse(stdout) as {photos: Record<string, {width: number; height: number}>[]};
    expect(measured.map(photo => photo.measured)).toEqual(measured.map(() => ({width: 48, height: 48})));
    expect(measured.every(({size}) => size!.width > 50 && size!.height > 50)).toBe(true);
    const lines = evaluate('--crop', '50').stdout.trim().split('\n');
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/ {3}48 x 48 in the middle of \d+ x \d+ pixels$/);
    expect(evaluate().stdout).not.toContain('middle');
    expect(evaluate('--crop', 'some').stderr).toContain(
      "argument 'some' is invalid. It must be a whole number of at least 1.",
    );
  });
});

test('evaluate compares several models, and a sharpness is that of the model in the box', () => {
  const evaluate = (...args: string[]) =>
    cli('evaluate', '--data', photos, '--crop', '64', '--backend', 'wasm', ...args);
  const both = ['--model', 'default', '--model', 'run'];
  const {stdout, stderr, status} = evaluate(...both);
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n');
  expect([lines[0], lines[4]]).toEqual(['default:', 'run:']);
  const figures = String.raw`\s+[\d.]+ dB  0\.\d{4}  \d\.\d{3}`;
  expect(lines.slice(8)).toEqual([
    '',
    expect.stringMatching(/^mean +PSNR-Y +SSIM-Y +sharpness +bicubic$/),
    expect.stringMatching(new RegExp(`^default${figures}${figures}$`)),
    expect.stringMatching(new RegExp(`^run    ${figures}${figures}$`)),
    '',
  ]);
  const {models} = JSON.parse(evaluate(...both, '--json').stdout) as {models: Record<string, {mean: {model: object}}>};
  expect(Object.keys(models)).toEqual(['default', 'run']);
  expect(models.default!.mean.model).not.toEqual(models.run!.mean.model);

  const meanAt = (sharpness: string) =>
    (JSON.parse(evaluate('--sharpness', sharpness, '--json').stdout) as {mean: {model: {sharpness: number}}}).mean
      .model;
  expect(meanAt('1').sharpness).toBeGreaterThan(meanAt('0').sharpness);
  expect(evaluate('--model', 'run', '--sharpness', '1').stderr).toBe(
    'tfjs-ragan: --sharpness is of the model that comes with tfjs-ragan; leave out --model\n',
  );
  expect(evaluate('--sharpness', 'very').stderr).toContain("'very' is invalid. It must be from 0 to 1.");
}, 120_000);

test('a signal stops a run with a checkpoint that resumes', async () => {
  const child = spawn(process.execPath, [main, 'train', ...tiny, '--warmup-steps', '100000', '--out', 'stopped'], {
    cwd: folder,
  });
  let output = '';
  let stop: NodeJS.Timeout | undefined;
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    // The run is under way once it has measured the start. A second signal would end it at once.
    if (/^start +PSNR-Y/m.test(output)) stop ??= setTimeout(() => child.kill('SIGINT'), 1500);
  });
  const code = await new Promise(resolve => child.on('exit', resolve));
  expect(code).toBe(130);
  const step = Number(/stopped after step (\d+); the same command with --resume goes on/.exec(output)?.[1]);
  expect(step).toBeGreaterThan(0);
  const {status, stdout} = cli(
    'train',
    ...tiny,
    '--warmup-steps',
    String(step + 5),
    '--steps',
    '5',
    '--out',
    'stopped',
    '--resume',
  );
  expect(status).toBe(0);
  expect(stdout).toContain(`${step + 10} steps`);
});

test('a run that diverges ends with exit code 1, and a model of NaN makes no picture', async () => {
  const rate = ['--learning-rate', '1e6', '--warmup-steps', '2', '--steps', '30'];
  const {status, stderr} = cli('train', ...tiny, ...rate, '--out', 'diverged');
  expect(stderr).toMatch(
    /^tfjs-ragan: training diverged by step \d+: .* \(losses: .*\); diverged\/checkpoint.bin is of step 2: go on .*\n$/,
  );
  expect(status).toBe(1);
  expect(readdirSync(inFolder('diverged')).sort()).toEqual([
    'checkpoint-000000.bin',
    'checkpoint.bin',
    'log.jsonl',
    'samples',
  ]);

  const layer = tf.layers.upSampling2d({size: [2, 2], inputShape: [null, null, 3]});
  const model = tf.sequential({layers: [layer, tf.layers.conv2d({filters: 3, kernelSize: 1})]});
  await saveModel(model, inFolder('nan'));
  // Finite weights, of which nothing finite comes.
  const huge = new Float32Array(12).fill(3e38);
  writeFileSync(inFolder('nan', 'weights.bin'), huge);
  await sharp({create: {width: 20, height: 13, channels: 3, background: '#888'}})
    .png()
    .toFile(inFolder('grey.png'));
  const refused = cli('upscale', 'grey.png', 'nan.png', '--model', 'nan', '--backend', 'wasm');
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(/^tfjs-ragan: upscale: of this .*\n$/)]);
  const measured = cli('evaluate', '--data', photos, '--model', 'nan', '--backend', 'wasm', '--json');
  expect([measured.status, measured.stdout]).toEqual([2, '']);
  expect(measured.stderr).toMatch(/^tfjs-ragan: upscale: of this picture the model makes Infinity.*\n$/);
  writeFileSync(inFolder('nan', 'weights.bin'), huge.fill(NaN));
  const unloaded = cli('upscale', 'grey.png', 'nan.png', '--model', 'nan', '--backend', 'wasm');
  expect([unloaded.status, unloaded.stderr]).toEqual([2, expect.stringMatching(/holds NaN, so its training.*\n$/)]);
  expect(readdirSync(folder)).not.toContain('nan.png');
});

test('models with spectral normalization and of Keras 3 load in the commands', async () => {
  const inputShape = [null, null, 3];
  const normal = tf.layers.conv2d({filters: 3, kernelSize: 3, padding: 'same'});
  const up = tf.layers.upSampling2d({size: [2, 2], inputShape});
  const model = tf.sequential({layers: [up, spectralNormalization(normal)]});
  await saveModel(model, inFolder('normalized'));
  const fixture = JSON.parse(readFileSync(join(root, '__tests__/fixtures/keras3/functional.json'), 'utf8')) as {
    model: object;
    weights: string;
  };
  mkdirSync(inFolder('keras3'));
  writeFileSync(inFolder('keras3', 'model.json'), JSON.stringify(fixture.model));
  writeFileSync(inFolder('keras3', 'group1-shard1of1.bin'), Buffer.from(fixture.weights, 'base64'));
  for (const name of ['normalized', 'keras3']) {
    writePng(inFolder('small.png'), 16, 12, (x, y) => [x * 10, y * 10, 99]);
    const {status, stdout, stderr} = cli('upscale', 'small.png', 'big.png', '--model', name, '--backend', 'wasm');
    expect([status, stdout, stderr]).toEqual([0, 'big.png: 16 x 12 -> 32 x 24\n', '']);
    const measured = cli('evaluate', '--data', photos, '--model', name, '--backend', 'wasm');
    expect([measured.status, measured.stderr]).toEqual([0, '']);
  }
});

test("--version is the package's", () => {
  const {version} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {version: string};
  expect(cli('--version').stdout.trim()).toBe(version);
});

test('doctor says what is here', () => {
  const {status, stdout, stderr} = cli('doctor');
  expect(status).toBe(0);
  expect(stderr).not.toContain('artificially reduced'); // as webgpu prints where it is
  expect(stdout).toMatch(/wasm/);
  expect(JSON.parse(cli('doctor', '--json').stdout)).toHaveProperty('backends');
});

describe('bad input gets one line and exit code 2', () => {
  beforeAll(async () => {
    mkdirSync(inFolder('empty'));
    mkdirSync(inFolder('broken'));
    mkdirSync(inFolder('odd'));
    writeFileSync(inFolder('broken', 'photo.png'), 'no picture');
    writeFileSync(
      inFolder('odd', 'model.json'),
      '{"format": "graph-model", "modelTopology": {}, "weightsManifest": []}',
    );
    writeFileSync(inFolder('file'), 'a file');
    await sharp({create: {width: 64, height: 64, channels: 3, background: 'red'}})
      .png()
      .toFile(inFolder('red.png'));
  });

  test.each<[string[], string]>([
    [['train', '--data', 'nowhere'], 'cannot read the folder nowhere: it does not exist'],
    [['train', '--data', 'empty'], 'no picture in the folder empty'],
    [['train', '--data', 'file'], 'cannot read the folder file: it is not a folder'],
    [['train', ...tiny, '--scale', '3.5'], '--scale must be 2, 4 or 8, but it is 3.5'],
    [['train', ...tiny, '--patch', '20'], '--patch must be one of 8, 16, 32'],
    [['train', ...tiny, '--batch', 'many'], "'many' is invalid"],
    [['train', ...tiny, '--backend', 'abacus', '--out', 'x1'], 'the backend must be auto'],
    [['train', ...tiny, '--resume', '--out', 'x2'], 'nothing to resume in x2'],
    [['train', ...tiny, '--out', 'file'], 'cannot use the run folder file'],
    [['train', ...tiny, '--init', 'nowhere', '--out', 'x3'], 'cannot load a model from nowhere'],
    [['train', '--data', 'broken', '--out', 'x4'], 'no validation photo can be used'],
    [['train', '--resume', '--out', 'x5'], 'nothing to resume in x5'],
    [['train'], "required option '--data <folder>' not specified"],
    [
      ['upscale', 'red.png', 'out.gif', '--model', 'odd'],
      'cannot write out.gif: the name must end in .png, .jpg or .webp',
    ],
    [
      ['upscale', 'red.png', 'file/out.png', '--model', 'odd'],
      'cannot write into file: a file of that name is in the way',
    ],
    [
      ['upscale', 'red.png', '../' + basename(folder) + '/red.png', '--model', 'odd'],
      'red.png: it is the picture to enlarge; choose another name',
    ],
    [['upscale', 'missing.png', 'out.png', '--model', 'odd'], 'cannot read missing.png: it does not exist'],
    [['upscale', 'broken/photo.png', 'out.png', '--model', 'odd'], 'cannot decode broken/photo.png'],
    [['upscale', 'red.png', 'out.png', '--model', 'odd'], 'it is a graph model, and a layers model is needed'],
    [['evaluate', '--data', 'empty', '--model', 'odd'], 'no picture in the folder empty'],
    [['fly'], "unknown command 'fly'"],
  ])('%j: %s', (args, message) => {
    const {status, stderr} = cli(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter(line => !/--help|skipping/.test(line)),
    ).toHaveLength(1);
    // Nothing is left behind: no half-written file, no run folder.
    expect(readdirSync(folder).filter(name => /\.tmp$|^x\d$|out\.gif/.test(name))).toEqual([]);
  });
});
