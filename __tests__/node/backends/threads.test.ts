import {buildSync} from 'esbuild';
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

// Threads are a matter of the whole process, so each case runs in one of its own, built from the sources in the two ways
// that the package is built. The folder lies inside the checkout for Node to find the dependencies.
const cache = join(__dirname, '../../node_modules/.cache');
let folder: string;

beforeAll(() => {
  mkdirSync(cache, {recursive: true});
  folder = mkdtempSync(join(cache, 'wasm-threads-'));
  for (const [format, extension] of [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const) {
    buildSync({
      entryPoints: [join(__dirname, '../../../src/node/backends/choice.ts')],
      outfile: join(folder, `backend.${extension}`),
      bundle: true,
      platform: 'node',
      packages: 'external',
      format,
    });
  }
});

afterAll(() => rmSync(folder, {recursive: true, force: true}));

const HEADERS = {
  mjs: `import os from 'node:os'; import * as tf from '@tensorflow/tfjs'; import {useBackend} from './backend.mjs';`,
  cjs: `const os = require('node:os'), tf = require('@tensorflow/tfjs'), {useBackend} = require('./backend.cjs');`,
};

/** Runs a program to its end, from another working directory; fails if it does not end by itself. */
function run(extension: 'mjs' | 'cjs', body: string, ...nodeOptions: string[]) {
  const program = join(folder, `program.${extension}`);
  writeFileSync(program, `${HEADERS[extension]}\n(async () => {${body}})();`);
  const {status, signal, stdout, stderr} = spawnSync(process.execPath, [...nodeOptions, program], {
    cwd: tmpdir(),
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(signal).toBeNull();
  return {status, stdout, stderr};
}

describe.each(['mjs', 'cjs'] as const)('the threads of wasm (%s)', extension => {
  test('are those asked for, compute the same, and let the process end', () => {
    const {status, stdout, stderr} = run(
      extension,
      `const x = () => tf.randomNormal([2, 16, 16, 8], 0, 1, 'float32', 1), w = () => tf.randomNormal([3, 3, 8, 8], 0, 1, 'float32', 2);
       const gradient = async () => Array.from(await tf.grad(w => tf.conv2d(x(), w, 1, 'same').square().sum())(w()).data());
       await tf.setBackend('cpu');
       const expected = await gradient();
       const {threads, reason} = await useBackend('wasm', {threads: 3});
       const actual = await gradient();
       const scale = Math.max(...expected.map(Math.abs));
       const error = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]))) / scale;
       console.log(JSON.stringify({threads, reason, close: error < 1e-5, workers: tf.backend().wasm.PThread.runningWorkers.length}));`,
    );
    expect(stderr).not.toMatch(/error|warn/i);
    expect(JSON.parse(stdout)).toEqual({threads: 3, reason: 'WebAssembly on 3 threads', close: true, workers: 2});
    expect(status).toBe(0);
  });

  test('are as many as there are cores by default', () => {
    const {stdout} = run(
      extension,
      `console.log((await useBackend('wasm')).threads === Math.min(8, os.availableParallelism()));`,
    );
    expect(stdout).toBe('true\n');
  });

  test('leave everything global as it was', () => {
    const {stdout} = run(
      extension,
      `const state = () => [URL.createObjectURL, os.cpus, globalThis.Worker, 'Worker' in globalThis, globalThis.Blob,
         ...process.listeners('uncaughtException'), ...process.listeners('unhandledRejection')];
       const before = state();
       const {threads} = await useBackend('wasm', {threads: 2});
       const after = state();
       console.log(threads, before.length === after.length && before.every((value, i) => value === after[i]));`,
    );
    expect(stdout).toBe('2 true\n');
  });
});

test('more threads than the backend can use become as many as it can', () => {
  const {stdout} = run('mjs', `console.log((await useBackend('wasm', {threads: 64})).threads);`);
  expect(stdout).toBe('8\n');
});

test('an uncaught error of the program still ends it with exit code 1', () => {
  const {status, stderr} = run('mjs', `await useBackend('wasm', {threads: 2}); throw new Error('on purpose');`);
  expect(stderr).toContain('on purpose');
  expect(status).toBe(1);
});

describe('where threads cannot be had', () => {
  // As under a Node that may not start workers.
  const forbidWorkers = `require('node:worker_threads').Worker = class { constructor() { throw new Error('no workers here'); } };`;

  test('one thread is used, and the reason says so', () => {
    const {stdout, stderr} = run(
      'cjs',
      `${forbidWorkers}
       os.availableParallelism = () => 4;
       const {threads, reason} = await useBackend('wasm');
       console.log(threads, reason, await tf.ones([2, 2]).matMul(tf.ones([2, 2])).array());`,
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^1 WebAssembly on 1 thread \(cannot start 4 threads: no workers here\) \[ \[ 2, 2 \]/);
  });

  test('a number of threads that was asked for is refused', () => {
    const {stdout} = run(
      'cjs',
      `${forbidWorkers} await useBackend('wasm', {threads: 2}).catch(error => console.log(error.message));`,
    );
    expect(stdout).toBe('The wasm backend cannot start 2 threads: no workers here. Ask for threads: 1.\n');
  });
});
