import * as tf from '@tensorflow/tfjs';
import {setThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
import {dirname, join} from 'node:path';
import {registerGradients} from '../../src/gradients/register.js';
import {startWebGpu} from '../../src/node/backends/webgpu.js';
import {registerTrainingKernels} from '../../src/wasm/index.js';

/**
 * The backends this run covers: TFJS_RAGAN_TEST_BACKENDS (comma-separated), or all that plain npm gives. `tensorflow` and
 * `cuda` need `npx tfjs-ragan setup` first.
 */
export const testBackends = (process.env.TFJS_RAGAN_TEST_BACKENDS ?? 'cpu,wasm').split(',');

/** TensorFlow under the name by which this run covers it, on the CPU or on a GPU; undefined if it does not. */
export const tensorFlow = testBackends.find(name => name === 'tensorflow' || name === 'cuda');

/** For the tests of what only TensorFlow has. */
export const describeOnTensorFlow = tensorFlow === undefined ? describe.skip : describe;

/** Makes `name` the active backend, with the project's gradients, and its training kernels where it has any. */
export async function activateBackend(name: string): Promise<void> {
  registerGradients();
  if (name === 'wasm') {
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    setWasmPaths(join(folder, 'wasm-out') + '/');
    setThreadsCount(1);
    registerTrainingKernels();
  }
  if (name === 'webgpu') {
    await startWebGpu({}, true);
    // Not the short cut by which the backend leaves small tensors to JavaScript.
    tf.env().set('WEBGPU_CPU_FORWARD', false);
  }
  if (name === 'tensorflow' || name === 'cuda') {
    const {useBackend} = await import('../../src/node/backends/choice.js');
    await useBackend(name);
    return;
  }
  if (!(await tf.setBackend(name))) throw new Error(`backend ${name} could not be initialised`);
  await tf.ready();
}

/** Runs the same tests once on every backend of this run. */
export function describeOnBackends(title: string, tests: (backend: string) => void): void {
  describe.each(testBackends)(`${title} on %s`, backend => {
    beforeAll(async () => {
      await activateBackend(backend);
    });
    tests(backend);
  });
}
