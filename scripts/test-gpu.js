// Shows whether the numbers are right on this machine's GPU: the goldens and what else runs on every backend, captured
// steps, and tfjs-core's gradient specs, all on one backend. Refuses where that backend would use no GPU.
//   node scripts/test-gpu.js [--backend cuda|webgpu]
import {spawnSync} from 'node:child_process';
import {parseArgs} from 'node:util';

const {values: options} = parseArgs({options: {backend: {type: 'string', default: 'cuda'}}});

/** What is tested on each backend, beside what is tested on both, and how the numbers become comparable. */
const BACKENDS = {
  // Full single precision, since from Ampere on TF32 is what TensorFlow takes otherwise.
  cuda: {folder: 'tensorflow', tests: ['node/capture', 'package/readme'], env: {NVIDIA_TF32_OVERRIDE: '0'}},
  webgpu: {folder: 'webgpu', tests: ['node/backends/webgpu'], env: {}},
};
const backend = BACKENDS[options.backend];
if (!backend) {
  console.error(`test:gpu: the backend must be cuda or webgpu, but it is ${JSON.stringify(options.backend)}`);
  process.exit(2);
}

/** Runs a program of Node's in a process of its own, so that each gives the GPU's memory back. */
function run(args, options) {
  const {status, stdout} = spawnSync(process.execPath, args, {encoding: 'utf8', ...options});
  return {passed: status === 0, stdout};
}

const doctor = run(['dist/esm/cli/main.js', 'doctor', '--json'], {stdio: ['ignore', 'pipe', 'ignore']});
if (!doctor.passed) throw new Error('npx tfjs-ragan doctor fails');
const {usable, software, detail} = JSON.parse(doctor.stdout).backends.find(({name}) => name === options.backend);
if (!usable || software) {
  console.error(`test:gpu needs a GPU, and there is none to use: ${detail}`);
  process.exit(2);
}
console.log(detail);

const inherited = {
  stdio: 'inherit',
  env: {...process.env, ...backend.env, TFJS_RAGAN_TEST_BACKENDS: options.backend},
};
const tests = [`__tests__/(gradients|images|losses|models|training|${backend.folder})/`, ...backend.tests];
// On a new card the kernels are compiled inside the tests, for minutes.
const results = [
  run(['node_modules/jest/bin/jest.js', '--runInBand', '--testTimeout=1200000', ...tests], inherited),
  run(['scripts/tfjs-specs.js', '--backend', options.backend], inherited),
];
process.exit(results.every(({passed}) => passed) ? 0 : 1);
