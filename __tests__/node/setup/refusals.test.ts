import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {whyNotFetched} from '../../../src/node/setup/fetch.js';
import {installedTensorFlow} from '../../../src/node/setup/installed-tensorflow.js';
import {whyNotInstalled} from '../../../src/node/setup/npm-package.js';
import {privateFolder, requireOptions} from '../../../src/node/setup/options.js';
import {
  requireCompiler,
  requireNpm,
  requirePython,
  requireSpace,
  requireSystem,
} from '../../../src/node/setup/system.js';
import {fakePrograms} from '../../support/fake-programs.js';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-refusals-'));
const environment = {...process.env};
afterEach(() => (process.env = {...environment}));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const usePrograms = (scripts: Record<string, string>) => {
  process.env.PATH = fakePrograms(mkdtempSync(join(folder, 'bin-')), scripts);
  delete process.env.CXX;
};

test.each([
  [{platform: 'darwin', arch: 'arm64'}, /Linux only, and this is macOS\. Train with wasm .* @tensorflow\/tfjs-node/],
  [{platform: 'win32', arch: 'x64'}, /Linux only, and this is Windows\. Train with wasm .*WSL2/],
  [{platform: 'linux', arch: 'arm64', glibc: '2.36'}, /x86-64 processors only, and this is arm64\. Train with wasm/],
  [{platform: 'linux', arch: 'x64'}, /musl, as in Alpine.*wasm.*node:22-bookworm/],
])('refuses %p and says what works there', (system, message) => {
  expect(() => requireSystem(system)).toThrow(message);
});

test('takes Linux on x86-64 with the GNU C library', () => {
  expect(() => requireSystem({platform: 'linux', arch: 'x64', glibc: '2.36'})).not.toThrow();
});

test('names the program that is missing and how to get it', async () => {
  usePrograms({});
  await expect(requirePython()).rejects.toThrow('python3 was not found; install it with pip, as in: apt-get install');
  expect(requireCompiler).toThrow('no C++ compiler was found (g++, c++, clang++); install one, as in: apt-get');
  expect(requireNpm).toThrow('npm was not found');
});

test('tells a Python without pip from none', async () => {
  usePrograms({python3: 'echo "/usr/bin/python3: No module named pip" >&2; exit 1'});
  await expect(requirePython()).rejects.toThrow(/has no pip \(.*No module named pip\); install it/);
});

test('takes the compiler that $CXX names, and no other', () => {
  usePrograms({'g++': '', 'my-c++': ''});
  expect(requireCompiler()).toMatch(/g\+\+$/);
  process.env.CXX = 'my-c++';
  expect(requireCompiler()).toMatch(/my-c\+\+$/);
  process.env.CXX = 'my-c++ g++ -v';
  expect(requireCompiler()).toMatch(/\/my-c\+\+ g\+\+ -v$/);
  process.env.CXX = 'absent-c++';
  expect(requireCompiler).toThrow('no C++ compiler was found (absent-c++)');
});

test('asks for room on the disk, and for a folder that can be written', async () => {
  await expect(requireSpace(folder, 1e9)).rejects.toThrow(
    /GB of free disk space, and 1000000000 GB are needed: .*--dir/,
  );
  writeFileSync(join(folder, 'file'), '');
  await expect(requireSpace(join(folder, 'file', 'inside'), 0)).rejects.toThrow(/cannot write to .*--dir/);
  await expect(requireSpace(join(folder, 'new'), 0)).resolves.toBeUndefined();
});

test.each([
  ['WARNING: Retrying after connection broken by NewConnectionError(...)\nERROR: No matching distribution', 'network'],
  [
    'ERROR: Could not find a version that satisfies the requirement tensorflow-cpu==9.9.9 (from versions: 2.20.0, 2.21.0)\nERROR: No matching',
    'has no tensorflow-cpu==9.9.9; it has: 2.20.0, 2.21.0',
  ],
  ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'its hash differs'],
  ['ERROR: Could not install packages: [Errno 28] No space left on device', 'no space is left'],
  ['Traceback\nSomethingElse: went wrong', 'pip failed: SomethingElse: went wrong'],
])('explains what pip says: %p', (stderr, message) => {
  const reason = whyNotFetched({status: 1, stdout: '', stderr}, 'tensorflow-cpu==9.9.9');
  expect(reason).toContain(message);
  expect(reason).not.toContain('\n');
});

test.each([
  [
    'npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\n' +
      'npm error FetchError: request to http://x/y failed, reason: connect ECONNREFUSED\nnpm error     at ClientRequest',
    'FetchError: request to http://x/y failed, reason: connect ECONNREFUSED',
  ],
  [
    'npm error code ETARGET\nnpm error notarget No matching version found for left-pad@77.0.0.',
    'ETARGET: notarget No matching version found for left-pad@77.0.0.',
  ],
  ['npm ERR! code E404\nnpm ERR! 404 Not Found - GET http://x/y', 'E404: 404 Not Found - GET http://x/y'],
])('explains what npm says: %j', (said, reason) => {
  const stderr = `npm warn something else\n${said}\nnpm error A complete log of this run can be found in: /logs/1.log\n`;
  expect(whyNotInstalled({status: 1, stdout: '', stderr})).toBe(reason);
});

test('refuses a folder that is no TensorFlow, and a Python that has none', async () => {
  await expect(installedTensorFlow(folder)).rejects.toThrow(
    /is not a TensorFlow that can be used: it has no libtensorflow_cc.so.2\. .*--tensorflow/,
  );
  usePrograms({python3: 'echo'});
  await expect(installedTensorFlow(true)).rejects.toThrow(/has no TensorFlow: name its folder/);
});

test('does not take a folder of that name in the working directory for a Python package', async () => {
  usePrograms({python3: 'pwd'});
  await expect(installedTensorFlow(true)).rejects.toThrow('/ is not a TensorFlow');
});

test('finds the TensorFlow that Python has, and its version', async () => {
  const tensorflow = join(folder, 'site-packages', 'tensorflow');
  mkdirSync(join(tensorflow, 'include/tensorflow/c'), {recursive: true});
  mkdirSync(join(folder, 'site-packages/tensorflow_cpu-2.19.1.dist-info'));
  writeFileSync(join(folder, 'site-packages/tensorflow_cpu-2.19.1.dist-info/METADATA'), 'Name: x\nVersion: 2.19.1\n');
  for (const file of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include/tensorflow/c/c_api.h']) {
    writeFileSync(join(tensorflow, file), '');
  }
  usePrograms({python3: `echo ${tensorflow}`});
  expect(await installedTensorFlow(true)).toEqual({folder: tensorflow, version: '2.19.1'});
});

test('reads the version from the headers where nothing else tells it', async () => {
  const tensorflow = join(folder, 'built', 'tensorflow');
  mkdirSync(join(tensorflow, 'include/tensorflow/c'), {recursive: true});
  mkdirSync(join(tensorflow, 'include/tensorflow/core/public'), {recursive: true});
  for (const file of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include/tensorflow/c/c_api.h']) {
    writeFileSync(join(tensorflow, file), '');
  }
  expect((await installedTensorFlow(tensorflow)).version).toBe('unknown');
  writeFileSync(
    join(tensorflow, 'include/tensorflow/core/public/version.h'),
    '#define TF_MAJOR_VERSION 2\n#define TF_MINOR_VERSION 15\n#define TF_PATCH_VERSION 1\n',
  );
  expect((await installedTensorFlow(tensorflow)).version).toBe('2.15.1');
});

test('refuses options that make no sense', () => {
  expect(() => requireOptions({version: 'latest'})).toThrow('as in 2.21.0, but it is "latest"');
  expect(() => requireOptions({version: '2.20.0', tensorflow: true})).toThrow('choose one');
  expect(() => requireOptions({version: '2.20.0', cuda: true})).not.toThrow();
});

test("keeps what it fetches in the user's cache unless told otherwise", () => {
  process.env.XDG_CACHE_HOME = '/somewhere';
  expect(privateFolder()).toBe('/somewhere/tfjs-ragan');
  expect(privateFolder('/elsewhere')).toBe('/elsewhere');
  process.env.XDG_CACHE_HOME = '';
  expect(privateFolder()).toMatch(/\/\.cache\/tfjs-ragan$/);
});
