import * as tf from '@tensorflow/tfjs';
import * as wasmPackage from '@tensorflow/tfjs-backend-wasm';
import {buildSync} from 'esbuild';
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type * as nodeEntry from 'tfjs-ragan/node';
import * as wasmEntry from '../../../src/wasm/index.js';
import {testBackends} from '../../support/backends.js';

// What setup put in place on this machine is not what is tested here.
jest.mock('../../../src/node/setup/placed-package.js', () => ({placedPackage: () => Promise.resolve(undefined)}));

type Node = typeof nodeEntry;
type Listener = (event: {error: {message: string}}) => void;

const LAVAPIPE = {
  vendor: 'mesa',
  architecture: 'software',
  device: 'llvmpipe-llvm-19',
  description: 'llvmpipe: Mesa 25',
};
const CARD = {vendor: 'nvidia', architecture: 'ada', device: 'nvidia-l4', description: 'NVIDIA: 570.86'};

/** WebGPU as a process gets it that has the adapter `info`, or none, on a machine with or without a graphics device. */
async function withAdapter(info: object | null, use: (node: Node, gpu: FakeGpu) => Promise<void>, device = true) {
  const gpu = new FakeGpu();
  await jest.isolateModulesAsync(async () => {
    jest.doMock('@tensorflow/tfjs', () => tf);
    jest.doMock('@tensorflow/tfjs-backend-wasm', () => wasmPackage);
    jest.doMock('../../../src/wasm/index.js', () => wasmEntry);
    jest.doMock('../../../src/node/backends/graphics-device.js', () => ({mayHaveGraphicsDevice: () => device}));
    jest.doMock('webgpu', () => ({
      globals: {},
      create: () => ({requestAdapter: () => Promise.resolve(info && {info})}),
    }));
    jest.doMock('@tensorflow/tfjs-backend-webgpu', () => {
      tf.registerBackend('webgpu', () => Promise.resolve(gpu.backend));
      const kernelFunc = () => gpu.backend.runWebGPUProgram();
      for (const kernelName of [
        'BatchMatMul',
        '_FusedMatMul',
        'Cumsum',
        'Cumprod',
        'Prod',
        'Transpose',
        'AddN',
        'Neg',
      ]) {
        if (tf.getKernel(kernelName, 'webgpu')) tf.unregisterKernel(kernelName, 'webgpu');
        tf.registerKernel({kernelName, backendName: 'webgpu', kernelFunc});
      }
      return {};
    });
    await use(await import('tfjs-ragan/node'), gpu);
  });
}

/** A backend whose every kernel gives the tensor [7], and whose device reports what a test lets it report. */
class FakeGpu {
  listeners: Listener[] = [];
  lose!: (reason: {reason: string; message: string}) => void;
  backend = Object.assign(new tf.KernelBackend(), {
    device: {
      addEventListener: (_: string, listener: Listener) => this.listeners.push(listener),
      lost: new Promise<{reason: string; message: string}>(resolve => (this.lose = resolve)),
    },
    tensorMap: {get: () => ({})},
    runWebGPUProgram: () => ({dataId: {}, shape: [1], dtype: 'float32' as const}),
    read: () => Promise.resolve(new Float32Array([7])),
    readSync: () => new Float32Array([7]),
    write: () => ({}),
    numDataIds: () => 0,
    refCount: () => 1,
    disposeData: () => true,
    dispose: () => undefined,
  });

  report(message: string) {
    for (const listener of this.listeners) listener({error: {message}});
  }
}

// Node 20 has none.
if (!globalThis.navigator) Object.defineProperty(globalThis, 'navigator', {value: {}});

afterEach(async () => {
  await tf.setBackend('cpu');
  if (tf.engine().backendNames().includes('webgpu')) tf.removeBackend('webgpu');
  delete (globalThis.navigator as {gpu?: unknown}).gpu;
});

describe('webgpu in Node', () => {
  test('names its adapter', () =>
    withAdapter(CARD, async ({useBackend}) => {
      expect(await useBackend('webgpu')).toEqual({backend: 'webgpu', reason: 'WebGPU on NVIDIA: 570.86'});
      expect(tf.getBackend()).toBe('webgpu');
    }));

  test('is taken by auto on a GPU', () =>
    withAdapter(CARD, async ({useBackend}) => {
      expect((await useBackend('auto')).backend).toBe('webgpu');
    }));

  test('is not looked for by auto where there is no device', () =>
    withAdapter(
      CARD,
      async ({useBackend}) => {
        expect((await useBackend('auto')).backend).toBe('wasm');
        expect(globalThis.navigator).not.toHaveProperty('gpu');
      },
      false,
    ));

  test.each([LAVAPIPE, {...CARD, isFallbackAdapter: true}])(
    'on software is taken when asked for by name, and passed over by auto (%#)',
    info =>
      withAdapter(info, async ({useBackend, diagnose}) => {
        expect(await useBackend('webgpu')).toMatchObject({
          software: true,
          reason: expect.stringContaining(`${info.description}, software`) as unknown,
        });
        expect((await useBackend('auto')).backend).toBe('wasm');
        const {backends, chosen} = await diagnose();
        expect(backends.find(({name}) => name === 'webgpu')).toMatchObject({usable: true, software: true});
        expect(chosen).toBe('wasm');
      }),
  );

  test('says what to install where there is no adapter', () =>
    withAdapter(null, async ({useBackend}) => {
      await expect(useBackend('webgpu')).rejects.toThrow(/No WebGPU adapter was found. .*Vulkan/);
    }));

  test('gives the reason why the backend does not start', () =>
    withAdapter(CARD, async ({useBackend}) => {
      jest.doMock('@tensorflow/tfjs-backend-webgpu', () => {
        tf.registerBackend('webgpu', () => Promise.reject(new Error('no memory')));
        return {};
      });
      await expect(useBackend('webgpu')).rejects.toThrow('WebGPU on NVIDIA: 570.86 does not start: no memory.');
    }));

  test('throws an error of the GPU from the next operation and from the next read', () =>
    withAdapter(CARD, async ({useBackend}, gpu) => {
      await useBackend('webgpu');
      const x = tf.neg(tf.tensor1d([1]));
      expect([...(await x.data())]).toEqual([7]);
      gpu.report('Out of memory.');
      gpu.report('A consequence.');
      const text = 'The GPU failed (NVIDIA: 570.86), and what it computed since is void: Out of memory.';
      expect(() => tf.neg(x)).toThrow(text);
      await expect(x.data()).rejects.toThrow(text);
    }));

  test('throws that the device was lost', () =>
    withAdapter(CARD, async ({useBackend}, gpu) => {
      await useBackend('webgpu');
      const x = tf.neg(tf.tensor1d([1]));
      gpu.lose({reason: 'unknown', message: 'the driver was reset'});
      await expect(x.data()).rejects.toThrow('the device was lost (unknown): the driver was reset');
    }));

  test('says what to do instead of a synchronous read', () =>
    withAdapter(CARD, async ({useBackend}) => {
      await useBackend('webgpu');
      expect(() => tf.neg(tf.tensor1d([1])).dataSync()).toThrow('use await tensor.data()');
    }));
});

// In processes of their own, for the packages as Node loads them, and since a process must end by itself.
(testBackends.includes('webgpu') ? describe : describe.skip).each(['esm', 'cjs'] as const)(
  'a real adapter (%s)',
  format => {
    const cache = join(__dirname, '../../node_modules/.cache');
    let folder: string;
    beforeAll(() => {
      mkdirSync(cache, {recursive: true});
      folder = mkdtempSync(join(cache, 'webgpu-'));
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    function run(body: string) {
      const source = join(folder, 'program.ts');
      const program = join(folder, format === 'esm' ? 'program.mjs' : 'program.cjs');
      const backend = JSON.stringify(join(__dirname, '../../../src/node/backends/choice.ts'));
      writeFileSync(
        source,
        `import * as tf from '@tensorflow/tfjs'; import {useBackend} from ${backend}; (async () => {${body}})();`,
      );
      buildSync({
        entryPoints: [source],
        outfile: program,
        bundle: true,
        platform: 'node',
        packages: 'external',
        format,
      });
      return spawnSync(process.execPath, [program], {encoding: 'utf8', timeout: 50_000});
    }

    test('computes, and lets the process end', () => {
      const {status, signal, stdout} = run(
        `const {reason} = await useBackend('webgpu'); const w = tf.variable(tf.ones([3, 3, 3, 8]));
       const loss = () => tf.conv2d(tf.ones([2, 16, 16, 3]), w, 2, 'valid').mean();
       console.log(reason); console.log((await tf.variableGrads(loss).value.data())[0]);`,
      );
      expect({status, signal}).toEqual({status: 0, signal: null});
      expect(stdout).toMatch(/^WebGPU on .+\n27\n$/);
    });

    test('throws what went wrong on it', () => {
      const {status, stdout} = run(
        `await useBackend('webgpu'); const x = tf.ones([100, 100]).square();
       tf.backend().device.createBuffer({size: 16, usage: 0x7fff});
       await x.data().catch(error => console.log(error.message));`,
      );
      expect(status).toBe(0);
      expect(stdout).toMatch(/^The GPU failed .*invalid/m);
    });
  },
);
