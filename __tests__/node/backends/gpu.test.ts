import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describeGpu, firstGpu, tensorFlowErrors, whyNoGpu} from '../../../src/node/backends/gpu.js';
import {fakePrograms} from '../../support/fake-programs.js';

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

test.each(['', '-1', 'NoDevFiles', 'none', 'void', ' -1,0'])(
  'no GPU because CUDA_VISIBLE_DEVICES is %p',
  async value => {
    process.env.CUDA_VISIBLE_DEVICES = value;
    expect(await whyNoGpu(silent)).toBe(`CUDA_VISIBLE_DEVICES is "${value}", which hides every GPU: unset it`);
  },
);

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

test('asks a driver that does not know of compute capabilities without them', async () => {
  withNvidiaSmi(
    'case "$*" in *compute_cap*) echo "Field \\"compute_cap\\" is not a valid field to query."; exit 2;; esac\n' +
      'echo "Tesla T4, 470.82.01, 15109"',
  );
  expect(await firstGpu()).toEqual({name: 'Tesla T4', driver: '470.82.01', memory: 15109});
  expect(describeGpu((await firstGpu())!)).toBe('Tesla T4, driver 470.82.01, 15 GiB');
  expect(await whyNoGpu(silent)).toBe(
    'the NVIDIA driver is too old: Tesla T4 needs 525.60 or later, and 470.82.01 is here',
  );
});

test('reads past warnings, takes the first of several cards, and leaves out what a card does not tell', async () => {
  withNvidiaSmi(
    'echo "WARNING: infoROM is corrupted at gpu 0000:00:1E.0"\n' +
      'echo "NVIDIA GB10, 12.1, 580.95, [N/A]"; echo "NVIDIA A10, 8.6, 580.95, 24000"',
  );
  const gpu = (await firstGpu())!;
  expect(describeGpu(gpu)).toMatch(/^NVIDIA GB10, compute capability 12.1, driver 580.95 \(the first run/);
});

test.each([
  ['echo "<html>"', 'the NVIDIA driver does not answer (nvidia-smi: <html>)'],
  ['exit 0', 'the NVIDIA driver does not answer (nvidia-smi: exit status 0)'],
  ['echo "No devices were found"; exit 6', 'the NVIDIA driver does not answer (nvidia-smi: No devices were found)'],
  [
    'echo "Failed to initialize NVML: Driver/library version mismatch"; echo "NVML library version: 570.86"; exit 18',
    'the NVIDIA driver does not answer (nvidia-smi: Failed to initialize NVML: Driver/library version mismatch)',
  ],
])('no GPU because nvidia-smi answers otherwise: %s', async (script, reason) => {
  withNvidiaSmi(script);
  expect(await whyNoGpu(silent)).toBe(reason);
});

const refusesIds = 'case "$*" in *--id=*) echo "No devices were found"; exit 6;; esac\n';

test('no GPU because CUDA_VISIBLE_DEVICES asks for a card that is not there', async () => {
  withNvidiaSmi(`${refusesIds} echo "NVIDIA A10, 8.6, 570.1, 24000"; echo "NVIDIA A10, 8.6, 570.1, 24000"`);
  process.env.CUDA_VISIBLE_DEVICES = '7';
  expect(await whyNoGpu(silent)).toBe('CUDA_VISIBLE_DEVICES asks for card 7, and there are 2, counted from 0');
});

test.each(['MIG-41b35b06', 'GPU-8932f9'])('takes %s, which nvidia-smi does not, for a name of the card', async id => {
  withNvidiaSmi(`${refusesIds} echo "NVIDIA A10, 8.6, 515.1, 24000"`);
  process.env.CUDA_VISIBLE_DEVICES = id;
  expect((await firstGpu())!.name).toBe('NVIDIA A10');
  expect(await whyNoGpu(silent)).toContain('the NVIDIA driver is too old: NVIDIA A10 needs');
});

test('gives up on a nvidia-smi that does not end', async () => {
  withNvidiaSmi('sleep 60');
  expect(await whyNoGpu(silent)).toBe('the NVIDIA driver does not answer (nvidia-smi: no answer in 10 seconds)');
});

test('no GPU because TensorFlow is built without CUDA, whatever the driver', async () => {
  process.env.PATH = '';
  const tensorflow = mkdtempSync(join(folder, 'tensorflow-'));
  const library = join(tensorflow, 'libtensorflow_framework.so.2');
  writeFileSync(library, 'x (Note: TensorFlow was not compiled with CUDA or ROCm support) y');
  expect(await whyNoGpu(silent, tensorflow)).toBe(
    `the TensorFlow in ${tensorflow} is built without CUDA: npx tfjs-ragan setup --cuda fetches one with it`,
  );
  writeFileSync(library, 'libcuda.so');
  expect(await whyNoGpu(silent, tensorflow)).not.toContain('built without CUDA');
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
