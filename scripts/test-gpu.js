// Shows whether the numbers are right on this machine's GPU: the goldens and what else runs on every backend, captured
// steps, and tfjs-core's gradient specs, all on cuda. Refuses where TensorFlow uses no GPU.
import {spawnSync} from 'node:child_process';

/** Runs a program of Node's in a process of its own, so that each gives the GPU's memory back. */
function run(args, options) {
  const {status, stdout} = spawnSync(process.execPath, args, {encoding: 'utf8', ...options});
  return {passed: status === 0, stdout};
}

const doctor = run(['dist/esm/cli/main.js', 'doctor', '--json'], {stdio: ['ignore', 'pipe', 'ignore']});
if (!doctor.passed) throw new Error('npx tfjs-ragan doctor fails');
const {usable, detail} = JSON.parse(doctor.stdout).backends.find(({name}) => name === 'cuda');
if (!usable) {
  console.error(`test:gpu needs a GPU, and there is none to use: ${detail}`);
  process.exit(2);
}
console.log(detail);

const options = {
  stdio: 'inherit',
  // Full single precision, since from Ampere on TF32 is what TensorFlow takes otherwise.
  env: {...process.env, TFJS_RAGAN_TEST_BACKENDS: 'cuda', NVIDIA_TF32_OVERRIDE: '0'},
};
const tests = ['__tests__/(gradients|images|losses|models|tensorflow|training)/', 'node/capture', 'package/readme'];
// On a new card the kernels are compiled inside the tests, for minutes.
const results = [
  run(['node_modules/jest/bin/jest.js', '--runInBand', '--testTimeout=1200000', ...tests], options),
  run(['scripts/tfjs-specs.js', '--backend', 'tensorflow'], options),
];
process.exit(results.every(({passed}) => passed) ? 0 : 1);
