import * as tf from '@tensorflow/tfjs';
import type * as wasmTypes from '@tensorflow/tfjs-backend-wasm';
import {availableParallelism} from 'node:os';
import {registerTrainingKernels} from '../../wasm/index.js';
import type {BackendOptions, StartedBackend} from './options.js';
import {MAX_WASM_THREADS, withWasmThreads} from './threads.js';

type WasmPackage = typeof wasmTypes;

/**
 * Starts the wasm backend with the training kernels, on `threads` threads: as many as the machine has cores by default.
 * Where threads cannot be had it runs on one, unless a number was asked for, and says why.
 */
export async function startWasm({threads}: BackendOptions): Promise<StartedBackend> {
  const wasm = await wasmPackage();
  registerTrainingKernels();
  let problem = '';
  if ('wasm' in tf.engine().registry) requireThreads(wasm, threads);
  else problem = await initialise(wasm, threads);
  if (!(await tf.setBackend('wasm'))) throw new Error('The wasm backend cannot be made the active one.');
  const running = wasm.getThreadsCount();
  return {reason: `WebAssembly on ${threadCount(running)}${problem}`, threads: running};
}

async function wasmPackage(): Promise<WasmPackage> {
  try {
    return await import('@tensorflow/tfjs-backend-wasm');
  } catch (error) {
    throw new Error(
      `The wasm backend cannot be loaded: ${messageOf(error)}. Install it: npm install @tensorflow/tfjs-backend-wasm`,
      {cause: error},
    );
  }
}

function requireThreads(wasm: WasmPackage, threads: number | undefined): void {
  const running = wasm.getThreadsCount();
  if (threads !== undefined && Math.min(threads, MAX_WASM_THREADS) !== running) {
    throw new Error(
      `The wasm backend already runs on ${threadCount(running)} and cannot change to ${threads}: ` +
        'call useBackend before anything else uses the backend.',
    );
  }
}

/** Creates the backend; returns why it has fewer threads than the machine has cores, or nothing. */
async function initialise(wasm: WasmPackage, threads: number | undefined): Promise<string> {
  const wanted = Math.min(threads ?? availableParallelism(), MAX_WASM_THREADS);
  if (wanted > 1) {
    try {
      tf.engine().registry.wasm = await withWasmThreads(wanted, () => create(wasm, wanted));
      return '';
    } catch (error) {
      const problem = `cannot start ${threadCount(wanted)}: ${messageOf(error)}`;
      if (threads !== undefined) throw new Error(`The wasm backend ${problem}. Ask for threads: 1.`, {cause: error});
      tf.engine().registry.wasm = await create(wasm, 1);
      return ` (${problem})`;
    }
  }
  tf.engine().registry.wasm = await create(wasm, 1);
  return '';
}

/**
 * Calls the backend's factory itself, because `tf.setBackend` hides the error of one that fails. Emscripten's listeners
 * for uncaught errors are taken off again: with them every uncaught error of the program ends it with exit code 7.
 */
async function create(wasm: WasmPackage, threads: number): Promise<tf.KernelBackend> {
  const removeNewErrors = newListenersRemover('uncaughtException');
  const removeNewRejections = newListenersRemover('unhandledRejection');
  wasm.setThreadsCount(threads);
  try {
    return await tf.findBackendFactory('wasm')();
  } finally {
    removeNewErrors();
    removeNewRejections();
  }
}

function newListenersRemover(event: 'uncaughtException' | 'unhandledRejection'): () => void {
  const listeners = () => process.rawListeners(event) as ((...values: unknown[]) => void)[];
  const before = new Set(listeners());
  return () => {
    for (const listener of listeners()) if (!before.has(listener)) process.removeListener(event, listener);
  };
}

function threadCount(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

function messageOf(error: unknown): string {
  return (error as {message?: string}).message ?? String(error);
}
