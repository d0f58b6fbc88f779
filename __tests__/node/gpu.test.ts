import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describeGpu, firstGpu, tensorFlowErrors, whyNoGpu} from '../../src/node/gpu.js';
import {fakePrograms} from '../support/fake-programs.js';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-gpu-'));
const environment = {...process.env};
const withNvidiaSmi = (script: string) => {
  process.env = {...environment, PATH: fakePrograms(mkdtempSync(join(folder, 'bin-')), {'nvidia-smi': script})};
  delete process.env.CUDA_VISIBLE_DEVICES;
};
afterEach(() => (process.env = {...environment}));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const silent = () => Promise.resolve('');

test('names card, compute capability, driver and memory, and the first slow run of a new card', async () => {
  withNvidiaSmi('echo "NVIDIA A100-SXM4-80GB, 8.0, 570.86.15, 81920"');
  expect(describeGpu((await firstGpu())!)).toBe(
    'NVIDIA A100-SXM4-80GB, compute capability 8.0, driver 570.86.15, 80 GiB',
  );
  withNvidiaSmi('echo "NVIDIA H200, 9.0, 570.86.15, 143771"');
  expect(describeGpu((await firstGpu())!)).toMatch(/^NVIDIA H200, .* 140 GiB \(the first run on it compiles/);
});

test('asks for the first of the visible cards', async () => {
  withNvidiaSmi('echo "$*, 8.9, 570, 1024"');
  process.env.CUDA_VISIBLE_DEVICES = '3,1';
  expect((await firstGpu())!.name).toBe('--query-gpu=name');
  withNvidiaSmi('case "$*" in *--id=3*) echo "third, 8.9, 570, 1024";; esac');
  process.env.CUDA_VISIBLE_DEVICES = '3,1';
  expect((await firstGpu())!.name).toBe('third');
});

test.each(['', '-1'])('no GPU because CUDA_VISIBLE_DEVICES is %p', async value => {
  process.env.CUDA_VISIBLE_DEVICES = value;
  expect(await whyNoGpu(silent)).toBe(`CUDA_VISIBLE_DEVICES is "${value}", which hides every GPU: unset it`);
});

test('no GPU because the driver is too old, which depends on the card', async () => {
  withNvidiaSmi('echo "NVIDIA A10, 8.6, 515.65.01, 24000"');
  expect(await whyNoGpu(silent)).toBe(
    'the NVIDIA driver is too old: NVIDIA A10 needs 525.60 or later, and 515.65.01 is here',
  );
  withNvidiaSmi('echo "NVIDIA H100, 9.0, 535.104, 81000"');
  expect(await whyNoGpu(silent)).toContain('needs 555.42 or later, and 535.104 is here');
  withNvidiaSmi('echo "NVIDIA A10, 8.6, 535.104, 24000"');
  expect(await whyNoGpu(silent)).not.toContain('too old');
});

test('no GPU because the driver does not answer', async () => {
  withNvidiaSmi('echo "NVIDIA-SMI has failed because it could not communicate with the driver"; exit 9');
  expect(await whyNoGpu(silent)).toMatch(/^the NVIDIA driver does not answer \(nvidia-smi: NVIDIA-SMI has failed/);
});

test('no GPU because TensorFlow could not load a library, or what else it says', async () => {
  withNvidiaSmi('echo "NVIDIA A10, 8.6, 570.1, 24000"');
  const log = [
    "W0000 00:00:1.5   123 dso_loader.cc:60] Could not load dynamic library 'libcudnn.so.9'; dlerror: no such file",
    'W0000 00:00:1.6   123 gpu_device.cc:2342] Cannot dlopen some GPU libraries.',
  ].join('\n');
  expect(await whyNoGpu(() => Promise.resolve(log))).toMatch(
    /^TensorFlow says: could not load libcudnn.so.9 \(NVIDIA A10/,
  );
  expect(
    tensorFlowErrors('E0000 00:00:1.2   9 cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR (303)\n'),
  ).toBe('failed call to cuInit: UNKNOWN ERROR (303)');
});
