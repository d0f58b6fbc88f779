import {spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {temporaryFolder} from '../support/temporary-folder.js';

const root = join(__dirname, '../..');
const inFolder = temporaryFolder();
const node = (...args: string[]) => spawnSync(process.execPath, args, {encoding: 'utf8', cwd: inFolder('.')});
const bench = (...args: string[]) => node(join(root, 'dist/esm/cli/main.js'), 'bench', ...args);

test('the kernels are measured, each forward and for both gradients', () => {
  const {status, stdout, stderr} = bench(...'--backend wasm --threads 1 --rounds 1 --only kernels --json'.split(' '));
  expect([status, stderr]).toEqual([0, '']);
  const {kernels} = JSON.parse(stdout) as {
    kernels: {backend: string; shapes: {gflops: Record<string, number>}[]; all: Record<string, number>};
  };
  expect(kernels.backend).toBe('wasm');
  expect(kernels.shapes).toHaveLength(18);
  for (const rates of [...kernels.shapes.map(({gflops}) => gflops), kernels.all]) {
    expect(Object.keys(rates)).toEqual(['forward', 'input', 'filter']);
    for (const rate of Object.values(rates)) expect(rate).toBeGreaterThan(0.01);
  }
});

test('help is printed, and bad options are refused with exit code 2', () => {
  const help = bench('--help');
  expect([help.status, help.stdout.split('\n')[0]]).toEqual([
    0,
    'Usage: tfjs-ragan bench [options], or in a clone npm run bench -- [options]',
  ]);
  const refused = bench('--rounds', '0');
  expect([refused.status, refused.stderr]).toEqual([2, '--rounds must be a whole number from 1, but it is "0".\n']);
});

test('enlarging is measured by every program that is there, and the others are named', () => {
  const none = {TORCH_PYTHON: inFolder('no-python'), ONNXRUNTIME_PYTHON: inFolder('no-python')};
  const args = '--model box --backend wasm,none --pixels 16 --threads 1 --rounds 1 --json'.split(' ');
  const {status, stdout, stderr} = spawnSync(process.execPath, [join(root, 'bench/enlarge.js'), ...args], {
    encoding: 'utf8',
    env: {...process.env, ...none},
  });
  expect([status, stderr]).toEqual([0, '']);
  type Row = {name: string; milliseconds: number; megapixelsPerSecond: number; peakMegabytes: number};
  const {models} = JSON.parse(stdout) as {models: {model: string; programs: Row[]; missing: Record<string, string>}[]};
  const [{programs, missing}] = models as [(typeof models)[0]];
  expect(programs.map(({name}) => name)).toEqual(['upscale, wasm', 'UpscalerJS, wasm']);
  for (const {milliseconds, megapixelsPerSecond, peakMegabytes} of programs) {
    expect(megapixelsPerSecond).toBeCloseTo((64 * 64) / 1e6 / (milliseconds / 1000), 6);
    expect(peakMegabytes).toBeGreaterThan(20);
  }
  expect(Object.keys(missing)).toEqual([
    'upscale, none',
    'UpscalerJS, none',
    'PyTorch, plain',
    'PyTorch, channels_last',
    'onnxruntime',
  ]);
  expect(missing['PyTorch, plain']).toContain('no-python');
  expect(missing['upscale, none']).toContain('none');
});

test('enlarging has help, and refuses bad options with exit code 2', () => {
  const enlarge = (...args: string[]) => node(join(root, 'bench/enlarge.js'), ...args);
  expect(enlarge('--help').stdout).toMatch(/^usage: node bench\/enlarge.js \[options\]\n/);
  for (const [args, message] of [
    [['--pixels', '0'], '--pixels must be a whole number from 1, but it is "0".\n'],
    [['--model', 'large'], '--model must be of box,published, but it is large.\n'],
  ] as const) {
    const {status, stderr} = enlarge(...args);
    expect([status, stderr]).toEqual([2, message]);
  }
});

test('an engine answers until it is stopped, and then is gone', () => {
  // Such as a program whose threads still work when it has nothing more to read.
  writeFileSync(
    inFolder('engine.js'),
    `console.log(JSON.stringify({pid: process.pid}));
     process.stdin.on('data', () => console.log('{"milliseconds": 5, "peakMegabytes": 7}'));
     setInterval(() => {}, 1000);`,
  );
  writeFileSync(
    inFolder('use.mjs'),
    `import {startEngine} from ${JSON.stringify(join(root, 'bench/engine.js'))};
     const engine = await startEngine(process.execPath, ['engine.js']);
     console.log(JSON.stringify(await engine.step()));
     await engine.stop();
     try { process.kill(engine.about.pid, 0); console.log('running'); } catch { console.log('gone'); }
     await startEngine(process.execPath, ['missing.js']).catch(() => console.log('refused'));`,
  );
  expect(node('use.mjs').stdout).toBe('{"milliseconds":5,"peakMegabytes":7}\ngone\nrefused\n');
});
