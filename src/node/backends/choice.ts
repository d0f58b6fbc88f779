import * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../../gradients/register.js';
import {requireKnownOptions} from '../../options.js';
import type {BackendOptions, StartedBackend} from './options.js';
import {BACKEND_OPTIONS} from './options.js';
import {requireRunningOptions, startCuda, startTensorFlow} from './tensorflow.js';
import {startWasm} from './wasm.js';
import {startWebGpu} from './webgpu.js';

/** A backend that can be asked for by name. */
export type BackendName = 'cuda' | 'tensorflow' | 'webgpu' | 'wasm' | 'cpu';

/** What `useBackend` resolves to. */
export interface ChosenBackend extends StartedBackend {
  /** The backend that is now active. `tf.getBackend()` calls `cuda` and `tensorflow` both "tensorflow". */
  backend: BackendName;
  /** What it runs on, and for `auto` why nothing faster was taken. */
  reason: string;
  /** Threads that it runs on, where that is known. */
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

/** Those on which the options for a GPU have a meaning. */
const TAKES_GPU_OPTIONS: readonly string[] = ['auto', 'cuda', 'tensorflow'];

/** All backends, the fastest first. */
export const BACKENDS = Object.keys(STARTERS) as BackendName[];

/** What a user may ask for, in words. */
export const BACKEND_CHOICES = `auto, ${BACKENDS.slice(0, -1).join(', ')} or ${BACKENDS.at(-1)}`;

/**
 * Makes a backend active, ready for training, and says which and why.
 *
 * - `'auto'`: the first that works of `cuda`, `webgpu`, `tensorflow`, `wasm`.
 * - `'cuda'`: TensorFlow with a GPU that it really uses; `npx tfjs-ragan setup --cuda` brings it.
 * - `'webgpu'`: the packages `webgpu` 0.6.2 and `@tensorflow/tfjs-backend-webgpu`. `auto` takes it on a GPU only; asked for
 *   by name it also runs on software such as Mesa's lavapipe, and says so.
 * - `'tensorflow'`: TensorFlow, on the CPU where there is no GPU; `npx tfjs-ragan setup` brings it.
 * - `'wasm'`: WebAssembly with this package's training kernels, on all cores.
 * - `'cpu'`: plain JavaScript, a thousand times slower.
 *
 * Call it before the first tensor is made.
 *
 * TensorFlow's environment variables count where an option is not given: `CUDA_VISIBLE_DEVICES`,
 * `TF_FORCE_GPU_ALLOW_GROWTH`, `TF_NUM_INTRAOP_THREADS`, `TF_CPP_MIN_LOG_LEVEL` (errors only by default),
 * `TF_ENABLE_ONEDNN_OPTS` (1 by default) and others.
 *
 * @throws if a backend asked for by name cannot be used, with the reason and what to install: it never falls back
 *   silently; if an option is unknown or out of range; or if the backend already runs with other options.
 * @example
 * const {backend, reason} = await useBackend('auto');
 * console.log(`${backend}: ${reason}`);
 * await useBackend('wasm', {threads: 2});
 */
export async function useBackend(
  name: BackendName | 'auto' = 'auto',
  options: BackendOptions = {},
): Promise<ChosenBackend> {
  if (name !== 'auto' && !BACKENDS.includes(name)) {
    throw new Error(`useBackend: the backend must be ${BACKEND_CHOICES}, but it is ${JSON.stringify(name)}.`);
  }
  requireOptions(name, options);
  registerGradients();
  if (name === 'auto') return firstThatWorks(options);
  return {backend: name, ...(await STARTERS[name](options, true))};
}

function requireOptions(name: BackendName | 'auto', options: BackendOptions): void {
  requireKnownOptions('useBackend', options, BACKEND_OPTIONS);
  for (const [option, least] of [
    ['threads', 1],
    ['device', 0],
    ['memoryLimit', 1],
  ] as const) {
    const value = options[option];
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      throw new Error(`useBackend: ${option} must be a whole number from ${least}, but it is ${value}.`);
    }
  }
  const {memoryGrowth} = options;
  if (memoryGrowth !== undefined && typeof memoryGrowth !== 'boolean') {
    throw new Error(`useBackend: memoryGrowth must be true or false, but it is ${JSON.stringify(memoryGrowth)}.`);
  }
  for (const option of ['device', 'memoryGrowth', 'memoryLimit'] as const) {
    if (options[option] === undefined || TAKES_GPU_OPTIONS.includes(name)) continue;
    throw new Error(`useBackend: ${option} is an option of cuda and tensorflow; leave it out for ${name}.`);
  }
}

async function firstThatWorks(options: BackendOptions): Promise<ChosenBackend> {
  // Not a slower backend because the faster one runs with other options.
  requireRunningOptions(options);
  const {threads} = options;
  const withoutGpu = threads === undefined ? {} : {threads};
  const refusals: string[] = [];
  // Not cpu: a run that takes days where minutes were meant is better refused.
  for (const backend of BACKENDS.filter(name => name !== 'cpu')) {
    try {
      const started = await STARTERS[backend](backend === 'cuda' ? options : withoutGpu, false);
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
  // It would advise TensorFlow's own package at length, which `doctor` does better.
  (tf.backend() as {firstUse?: boolean}).firstUse = false;
  return {reason: 'plain JavaScript'};
}
