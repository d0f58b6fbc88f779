import util from 'node:util';
import {supplyRemovedFunctions} from '../../../src/node/backends/removed-node-functions.js';
import type * as module from '../../../src/node/backends/environment.js';

const environment = {...process.env};
beforeEach(() => {
  process.env = {PATH: environment.PATH};
});
afterAll(() => (process.env = {...environment}));

let restore: () => void;

/** As in a process of its own. */
async function set(options: Parameters<typeof module.setTensorFlowEnvironment>[0]) {
  await jest.isolateModulesAsync(async () => {
    const {setTensorFlowEnvironment} = await import('../../../src/node/backends/environment.js');
    restore = setTensorFlowEnvironment(options);
  });
  return process.env;
}

test('quiets notes but not errors, and takes GPU memory as needed', async () => {
  expect(await set({})).toMatchObject({TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true'});
  expect(process.env).not.toHaveProperty('TF_NUM_INTRAOP_THREADS');
  expect(process.env).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
});

test('leaves what the user set, except where an option says otherwise', async () => {
  Object.assign(process.env, {
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    TF_NUM_INTRAOP_THREADS: '3',
  });
  expect(await set({threads: 2, memoryLimit: 4096})).toMatchObject({
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    TF_NUM_INTRAOP_THREADS: '2',
    TF_PER_DEVICE_MEMORY_LIMIT_MB: '4096',
  });
  expect(await set({memoryGrowth: true})).toHaveProperty('TF_FORCE_GPU_ALLOW_GROWTH', 'true');
});

test('turns oneDNN on, on every processor, unless the user decided', async () => {
  expect(await set({})).toHaveProperty('TF_ENABLE_ONEDNN_OPTS', '1');
  for (const own of ['0', 'false', '1', '']) {
    process.env.TF_ENABLE_ONEDNN_OPTS = own;
    expect(await set({threads: 2})).toHaveProperty('TF_ENABLE_ONEDNN_OPTS', own);
  }
});

test('counts a device among the visible ones', async () => {
  expect(await set({device: 1})).toHaveProperty('CUDA_VISIBLE_DEVICES', '1');
  process.env.CUDA_VISIBLE_DEVICES = '4,GPU-7a';
  expect(await set({device: 1})).toHaveProperty('CUDA_VISIBLE_DEVICES', 'GPU-7a');
  process.env.CUDA_VISIBLE_DEVICES = '4';
  await expect(set({device: 1})).rejects.toThrow(
    'device 1 is not one of the visible GPUs: CUDA_VISIBLE_DEVICES is "4"',
  );
});

test('puts all back for a TensorFlow that is not taken', async () => {
  Object.assign(process.env, {TF_FORCE_GPU_ALLOW_GROWTH: 'false', CUDA_VISIBLE_DEVICES: '4,5'});
  const before = {...process.env};
  await set({threads: 2, memoryGrowth: true, memoryLimit: 4096, device: 1});
  expect(process.env).not.toEqual(before);
  restore();
  expect(process.env).toEqual(before);
});

test('functions that Node removed are supplied, and those that it warns of replaced', () => {
  const utilities = util as unknown as Record<string, unknown>;
  const {isArray, isNullOrUndefined} = utilities;
  const warn = jest.fn();
  try {
    utilities.isArray = warn;
    delete utilities.isNullOrUndefined;
    supplyRemovedFunctions('20.19.0'); // which does not warn: its own stays
    expect(utilities.isArray).toBe(warn);
    expect(utilities.isNullOrUndefined).toBeInstanceOf(Function);
    supplyRemovedFunctions('22.0.0');
    expect([[], {length: 0}].map(utilities.isArray as () => boolean)).toEqual([true, false]);
    expect(warn).not.toHaveBeenCalled();
    expect([null, undefined, 0, ''].map(utilities.isNullOrUndefined as () => boolean)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  } finally {
    Object.assign(utilities, {isArray, isNullOrUndefined});
  }
});
