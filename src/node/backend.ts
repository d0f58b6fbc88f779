import * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../gradients/register.js';
import {startCuda, startTensorFlow} from './tensorflow-backend.js';
import {startWasm} from './wasm-backend.js';
import {startWebGpu} from './webgpu-backend.js';

/** A backend that can be asked for by name. */
export type BackendName = 'cuda' | 'tensorflow' | 'webgpu' | 'wasm' | 'cpu';

export interface BackendOptions {
  /** Threads of the wasm backend, 1 to 8. Default: as many as the machine has cores. The others decide for themselves. */
  threads?: number;
}

/** What a backend says of itself once it is active. */
export interface StartedBackend {
  reason: string;
  threads?: number;
  /** True where a backend that is made for a GPU runs on the processor. `auto` does not take it. */
  software?: boolean;
}

export interface ChosenBackend extends StartedBackend {
  /** The backend that is now active. `tf.getBackend()` calls `cuda` and `tensorflow` both "tensorflow". */
  backend: BackendName;
  /** What it runs on, and for `auto` why nothing faster was taken. */
  reason: string;
  /** Threads that the wasm backend runs on. */
  threads?: number;
}

/**
 * How each backend is started; each makes itself the active one, or throws with the reason and the way out. `byName` is
 * false where `auto` tries it.
 */
const STARTERS: Record<BackendName, (options: BackendOptions, byName: boolean) => Promise<StartedBackend>> = {
  cuda: startCuda,
  webgpu: startWebGpu,
  tensorflow: startTensorFlow,
  wasm: startWasm,
  cpu: startCpu,
};

/** All backends, the fastest first. */
export const BACKENDS = Object.keys(STARTERS) as BackendName[];

/**
 * Makes a backend active, ready for training, and says which and why.
 *
 * - `'auto'`: the first that works of `cuda`, `webgpu`, `tensorflow`, `wasm`.
 * - `'cuda'`: `@tensorflow/tfjs-node-gpu` with a GPU that TensorFlow really uses.
 * - `'webgpu'`: the packages `webgpu` 0.6.2 and `@tensorflow/tfjs-backend-webgpu`. `auto` takes it on a GPU only; asked for
 *   by name it also runs on software such as Mesa's lavapipe, and says so.
 * - `'tensorflow'`: `@tensorflow/tfjs-node`, or `@tensorflow/tfjs-node-gpu` on the CPU.
 * - `'wasm'`: WebAssembly with this package's training kernels, on all cores.
 * - `'cpu'`: plain JavaScript, a thousand times slower.
 *
 * Call it before the first tensor is made.
 *
 * @throws if a backend asked for by name cannot be used, with the reason and what to install: it never falls back
 *   silently; if `threads` is not a whole number from 1; or if the wasm backend already runs on another number of threads.
 * @example
 * const {backend, reason} = await useBackend('auto');
 * console.log(`${backend}: ${reason}`);
 * await useBackend('wasm', {threads: 2});
 */
export async function useBackend(
  name: BackendName | 'auto' = 'auto',
  options: BackendOptions = {},
): Promise<ChosenBackend> {
  const {threads} = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new Error(`useBackend: threads must be a whole number from 1, but it is ${threads}.`);
  }
  registerGradients();
  if (name === 'auto') return firstThatWorks(options);
  if (!BACKENDS.includes(name)) {
    throw new Error(`useBackend: the backend must be auto, ${BACKENDS.join(', ')}, but it is ${JSON.stringify(name)}.`);
  }
  return {backend: name, ...(await STARTERS[name](options, true))};
}

async function firstThatWorks(options: BackendOptions): Promise<ChosenBackend> {
  const refusals: string[] = [];
  // Not cpu: a run that takes days where minutes were meant is better refused.
  for (const backend of BACKENDS.filter(name => name !== 'cpu')) {
    try {
      const started = await STARTERS[backend](options, false);
      const rest = refusals.length > 0 ? ', the fastest that works here (`npx tfjs-ragan doctor` says why)' : '';
      return {backend, ...started, reason: started.reason + rest};
    } catch (error) {
      refusals.push(`${backend}: ${(error as Error).message}`);
    }
  }
  throw new Error(`useBackend: no backend works here. ${refusals.join(' ')}`);
}

async function startCpu(): Promise<StartedBackend> {
  if (!(await tf.setBackend('cpu'))) throw new Error('The cpu backend does not start.');
  return {reason: 'plain JavaScript'};
}
