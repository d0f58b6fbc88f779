import * as tf from '@tensorflow/tfjs';
import {availableParallelism} from 'node:os';
import type {BackendName} from './choice.js';
import {BACKENDS, useBackend} from './choice.js';
import {placedPackage} from '../setup/placed-package.js';
import {setUp} from './tensorflow.js';

/** What was found out about one backend. */
export interface BackendDiagnosis {
  /** The backend. */
  name: BackendName;
  /** Whether it was started here, just now, and works. */
  usable: boolean;
  /** What it runs on, or why it cannot be used and what to install. */
  detail: string;
  /** True where it works, but as software in place of a GPU: `auto` passes it over. */
  software?: boolean;
}

/** What `diagnose` finds. Plain data: it can be written as JSON. */
export interface Diagnosis {
  /** The version of Node. */
  node: string;
  /** Operating system and processor, as in "linux x64". */
  platform: string;
  /** Processor cores that this process may use. */
  cores: number;
  /** Every backend, the fastest first. */
  backends: BackendDiagnosis[];
  /** What `useBackend('auto')` takes here; absent if it would refuse. */
  chosen?: BackendName;
  /** Why it is that one. */
  reason: string;
  /** What to install for a faster one; absent if the fastest is here. */
  advice?: string;
}

/**
 * Finds out which backends are here by starting each of them, which one `useBackend('auto')` takes and why, and what to
 * install for a faster one. The backend that was active before, or else the chosen one, is active afterwards.
 *
 * @example
 * const diagnosis = await diagnose();
 * console.log(formatDiagnosis(diagnosis));
 */
export async function diagnose(): Promise<Diagnosis> {
  const activeBefore = tf.getBackend() as string | undefined;
  const backends: BackendDiagnosis[] = [];
  for (const name of BACKENDS) {
    try {
      const {reason, software} = await useBackend(name);
      backends.push({name, usable: true, detail: reason, ...(software && {software})});
    } catch (error) {
      backends.push({name, usable: false, detail: (error as Error).message});
    }
  }
  const chosen = backends.find(({name, usable, software}) => usable && !software && name !== 'cpu');
  if (activeBefore) await tf.setBackend(activeBefore);
  else if (chosen) await useBackend(chosen.name);
  const advice = adviceFor(chosen?.name, (await placedPackage())?.cuda ?? false);
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    backends,
    ...(chosen && {chosen: chosen.name}),
    reason: chosen ? `${chosen.name} is the fastest that works here: ${chosen.detail}` : 'no backend works here',
    ...(advice && {advice}),
  };
}

/** Renders a diagnosis as lines of text for a terminal. */
export function formatDiagnosis({node, platform, cores, backends, reason, advice}: Diagnosis): string {
  return [
    `Node ${node} on ${platform}, ${cores} ${cores === 1 ? 'core' : 'cores'}`,
    '',
    ...backends.map(({name, usable, detail}) => `${usable ? '✔' : '✘'} ${name.padEnd(10)} ${detail}`),
    '',
    `auto: ${reason}.`,
    ...(advice ? [`For a faster one: ${advice}`] : []),
  ].join('\n');
}

/** @param cudaIsHere whether TensorFlow with CUDA is set up, so that only what it says itself is missing. */
function adviceFor(chosen: BackendName | undefined, cudaIsHere: boolean): string | undefined {
  if (chosen === 'cuda') return undefined;
  const gpu = cudaIsHere ? 'what cuda says it lacks' : `with an NVIDIA card, ${setUp(true)}`;
  if (chosen === 'tensorflow' || chosen === 'webgpu') return `${gpu}.`;
  if (chosen === 'wasm') return `${setUp(false)} (TensorFlow on the CPU); or, ${gpu}.`;
  return 'npm install @tensorflow/tfjs-backend-wasm.';
}
