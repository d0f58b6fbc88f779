import * as tf from '@tensorflow/tfjs';
import * as wasmPackage from '@tensorflow/tfjs-backend-wasm';
import {diagnose, formatDiagnosis, useBackend} from 'tfjs-ragan/node';
import type * as nodeEntry from 'tfjs-ragan/node';
import * as wasmEntry from '../../../src/wasm/index.js';

type Node = typeof nodeEntry;

// Whether this machine has an adapter is not what is tested here.
jest.mock('webgpu', () => {
  throw Object.assign(new Error("Cannot find module 'webgpu'"), {code: 'MODULE_NOT_FOUND'});
});
// What setup put in place on this machine is not what is tested here.
jest.mock('../../../src/node/setup/placed-package.js', () => ({placedPackage: () => Promise.resolve(undefined)}));

// The stand-ins for native packages have no kernels.
jest.mock('../../../src/tensorflow/register.js', () => ({registerTensorFlowKernels: () => undefined}));

/** The advice is about setup where it works. */
const setupWorks = process.platform === 'linux' && process.arch === 'x64';

describe('useBackend', () => {
  test('makes the backend asked for the active one and says what it is', async () => {
    expect(await useBackend('cpu')).toEqual({backend: 'cpu', reason: 'plain JavaScript'});
    expect(tf.getBackend()).toBe('cpu');
    expect(await useBackend('wasm', {threads: 1})).toEqual({
      backend: 'wasm',
      reason: 'WebAssembly on 1 thread',
      threads: 1,
    });
    expect(tf.getBackend()).toBe('wasm');
  });

  test('gives wasm the kernels that training needs', async () => {
    await useBackend('wasm');
    const [, filterGradient] = tf.grads((x: tf.Tensor, w: tf.Tensor) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid').sum(),
    )([tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]), tf.ones([2, 2, 1, 1])]);
    expect([...(await filterGradient!.data())]).toEqual([1, 2, 3, 4]);
  });

  test('takes wasm by default where nothing faster is installed, and tells where to read why', async () => {
    const {backend, reason} = await useBackend();
    expect(backend).toBe('wasm');
    expect(reason).toContain('doctor');
  });

  test.each([0, -1, 1.5, NaN])('refuses %p threads', async threads => {
    await expect(useBackend('wasm', {threads})).rejects.toThrow(
      `threads must be a whole number from 1, but it is ${threads}`,
    );
  });

  test.each([
    ['webgpu', {device: 0}],
    ['wasm', {memoryLimit: 1024}],
    ['cpu', {memoryGrowth: true}],
  ] as const)('refuses to give %s an option for a GPU', async (name, options) => {
    const [option] = Object.keys(options);
    await expect(useBackend(name, options)).rejects.toThrow(
      `${option} is an option of cuda and tensorflow; leave it out for ${name}.`,
    );
  });

  test('refuses a memoryGrowth that is not true or false', async () => {
    await expect(useBackend('cuda', {memoryGrowth: 'false' as unknown as boolean})).rejects.toThrow(
      'memoryGrowth must be true or false, but it is "false"',
    );
  });

  test('refuses an unknown name', async () => {
    await expect(useBackend('gpu' as 'cuda')).rejects.toThrow(/must be auto, cuda, .*, but it is "gpu"/);
  });

  test('refuses to change the threads of a running backend', async () => {
    await useBackend('wasm');
    await expect(useBackend('wasm', {threads: 2})).rejects.toThrow('already runs on 1 thread and cannot change to 2');
  });

  test('names what to install for a backend that is not here, and leaves the active one alone', async () => {
    await useBackend('cpu');
    await expect(useBackend('cuda')).rejects.toThrow(setupWorks ? 'npx tfjs-ragan setup --cuda.' : 'needs Linux');
    await expect(useBackend('tensorflow')).rejects.toThrow(
      setupWorks ? 'npx tfjs-ragan setup.' : 'npm install @tensorflow/tfjs-node',
    );
    await expect(useBackend('webgpu')).rejects.toThrow('webgpu is not installed: npm install webgpu@0.6.2');
    expect(tf.getBackend()).toBe('cpu');
  });
});

describe('useBackend with a native package', () => {
  const native = (gpu: boolean) => () => {
    tf.registerBackend('tensorflow', () =>
      Object.assign(new tf.KernelBackend(), {isUsingGpuDevice: gpu, dispose: () => undefined}),
    );
    return {};
  };
  const broken = () => {
    throw new Error('libtensorflow.so.2: cannot open shared object file\nRequire stack:');
  };
  const absent = (name: string) => () => {
    throw Object.assign(new Error(`Cannot find module '${name}'`), {code: 'MODULE_NOT_FOUND'});
  };

  /** The module as a process gets it in which the packages are as given. */
  async function withPackages(
    packages: {gpu?: () => unknown; cpu?: () => unknown},
    use: (node: Node) => Promise<void>,
  ) {
    const [gpuName, cpuName] = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
    await jest.isolateModulesAsync(async () => {
      // What registers itself with the one engine is shared; only the project's own state of the process starts anew.
      jest.doMock('@tensorflow/tfjs', () => tf);
      jest.doMock('@tensorflow/tfjs-backend-wasm', () => wasmPackage);
      jest.doMock('../../../src/wasm/index.js', () => wasmEntry);
      jest.doMock(gpuName, packages.gpu ?? absent(gpuName), {virtual: true});
      jest.doMock(cpuName, packages.cpu ?? absent(cpuName), {virtual: true});
      await use(await import('tfjs-ragan/node'));
    });
  }

  const environment = {...process.env};
  afterEach(async () => {
    process.env = {...environment};
    await tf.setBackend('cpu');
    if (tf.engine().backendNames().includes('tensorflow')) tf.removeBackend('tensorflow');
  });

  test('takes the GPU first', () =>
    withPackages({gpu: native(true), cpu: native(false)}, async node => {
      process.env.PATH = ''; // no nvidia-smi that would name this machine's card
      const expected = {
        backend: 'cuda',
        reason: 'TensorFlow on a GPU, through @tensorflow/tfjs-node-gpu, with captured training steps',
      };
      expect(await node.useBackend('auto')).toEqual(expected);
      expect(await node.useBackend('cuda')).toEqual(expected);
      expect(tf.getBackend()).toBe('tensorflow');
    }));

  test('does not call a run on the CPU cuda', () =>
    withPackages({gpu: native(false)}, async node => {
      process.env.CUDA_VISIBLE_DEVICES = '';
      await expect(node.useBackend('cuda')).rejects.toThrow('uses no GPU: CUDA_VISIBLE_DEVICES is "", which hides');
      expect(await node.useBackend('auto')).toMatchObject({
        backend: 'tensorflow',
        reason: expect.stringContaining('TensorFlow on the CPU, through @tensorflow/tfjs-node-gpu') as unknown,
      });
    }));

  test('a cuda that is refused leaves the active backend and the environment as they were', () =>
    withPackages({gpu: native(false)}, async node => {
      process.env.CUDA_VISIBLE_DEVICES = '-1';
      await tf.setBackend('cpu');
      const before = {...process.env};
      await expect(node.useBackend('cuda', {threads: 2, memoryLimit: 1024})).rejects.toThrow('uses no GPU');
      expect(tf.getBackend()).toBe('cpu');
      expect(process.env).toEqual(before);
    }));

  test('auto passes the options for a GPU on to cuda alone', () =>
    withPackages({cpu: native(false)}, async node => {
      const options = {device: 1, memoryLimit: 1024, threads: 1};
      expect(await node.useBackend('auto', options)).toMatchObject({backend: 'tensorflow', threads: 1});
      expect(process.env).not.toHaveProperty('TF_PER_DEVICE_MEMORY_LIMIT_MB');
      expect(await node.useBackend('auto', options)).toMatchObject({backend: 'tensorflow'});
    }));

  test('auto does not leave a TensorFlow that runs with other options for a slower backend', () =>
    withPackages({cpu: native(false)}, async node => {
      await node.useBackend('tensorflow', {threads: 1});
      await expect(node.useBackend('auto', {threads: 2})).rejects.toThrow(
        'TensorFlow already runs with threads 1 and cannot change to 2',
      );
    }));

  test('takes TensorFlow on the CPU before wasm', () =>
    withPackages({cpu: native(false)}, async node => {
      expect(await node.useBackend('auto')).toMatchObject({backend: 'tensorflow'});
      await expect(node.useBackend('cuda')).rejects.toThrow('already uses @tensorflow/tfjs-node');
    }));

  test('tells a package that does not load from one that is not installed, and goes on to the next', () =>
    withPackages({gpu: broken}, async node => {
      await expect(node.useBackend('cuda')).rejects.toThrow(
        'installed but cannot be loaded (libtensorflow.so.2: cannot open',
      );
      await expect(node.useBackend('tensorflow')).rejects.toThrow('@tensorflow/tfjs-node-gpu is installed but cannot');
      expect(await node.useBackend('auto')).toMatchObject({backend: 'wasm'});
    }));
});

describe('diagnose', () => {
  test('describes every backend, the choice and the way to a faster one, and leaves the active backend', async () => {
    await useBackend('cpu');
    const diagnosis = await diagnose();
    expect(diagnosis).toMatchObject({
      node: process.version,
      chosen: 'wasm',
      reason: expect.stringContaining('WebAssembly') as unknown,
    });
    expect(diagnosis.backends.map(({name, usable}) => [name, usable])).toEqual([
      ['cuda', false],
      ['webgpu', false],
      ['tensorflow', false],
      ['wasm', true],
      ['cpu', true],
    ]);
    expect(diagnosis.advice).toContain(setupWorks ? 'npx tfjs-ragan setup' : 'npm install @tensorflow/tfjs-node');
    expect(JSON.parse(JSON.stringify(diagnosis))).toEqual(diagnosis);
    expect(tf.getBackend()).toBe('cpu');
  });

  test('is rendered with a line for each backend, the choice and the advice', () => {
    const text = formatDiagnosis({
      node: 'v20.0.0',
      platform: 'linux x64',
      cores: 1,
      backends: [
        {name: 'tensorflow', usable: false, detail: 'not installed'},
        {name: 'wasm', usable: true, detail: 'WebAssembly on 1 thread'},
      ],
      chosen: 'wasm',
      reason: 'wasm is the fastest that works here',
      advice: 'npm install something.',
    });
    expect(text.split('\n')).toEqual([
      'Node v20.0.0 on linux x64, 1 core',
      '',
      '✘ tensorflow not installed',
      '✔ wasm       WebAssembly on 1 thread',
      '',
      'auto: wasm is the fastest that works here.',
      'For a faster one: npm install something.',
    ]);
  });
});
