// What the page of browser.test.ts can do; the bundle makes these exports the global `page`.
import * as tf from '@tensorflow/tfjs';
import {getThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
import {registerTrainingKernels} from 'tfjs-ragan/wasm';
import type {Resumption, Training} from './train.js';
import {resumeFromIndexedDb, train} from './train.js';

/** Trains on as many threads as the backend takes by itself. */
export async function trainOnWasm(steps: number): Promise<Training & {threads: number}> {
  setWasmPaths('/wasm/');
  registerTrainingKernels();
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend could not be initialised');
  return {...(await train(steps)), threads: getThreadsCount()};
}

export async function trainOnCpu(steps: number): Promise<Training> {
  if (!(await tf.setBackend('cpu'))) throw new Error('the cpu backend could not be initialised');
  return train(steps);
}

/** Whether training that was saved in IndexedDB goes on as if it had not stopped. */
export async function resumeOnCpu(): Promise<Resumption> {
  await tf.setBackend('cpu');
  return resumeFromIndexedDb();
}
