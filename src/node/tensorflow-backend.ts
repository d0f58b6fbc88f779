import * as tf from '@tensorflow/tfjs';
import type {StartedBackend} from './backend.js';

const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';
const CPU_PACKAGE = '@tensorflow/tfjs-node';

/** Starts TensorFlow on a GPU; a run on the CPU is refused, since TensorFlow falls back to it without a word. */
export async function startCuda(): Promise<StartedBackend> {
  const name = await load([GPU_PACKAGE]);
  if (!usesGpu()) {
    throw new Error(
      `${name} is installed, but TensorFlow found no GPU it can use: see its own messages on stderr. ` +
        'Version 4.22 needs an NVIDIA driver, CUDA 11.2 and cuDNN 8.1.',
    );
  }
  return {reason: `TensorFlow on a GPU, through ${name}`};
}

/** Starts TensorFlow through whichever of its packages is here. */
export async function startTensorFlow(): Promise<StartedBackend> {
  const name = await load([CPU_PACKAGE, GPU_PACKAGE]);
  return {reason: `TensorFlow on ${usesGpu() ? 'a GPU' : 'the CPU'}, through ${name}`};
}

/** The package that registered the backend in this process; there is room for one. */
let loaded: string | undefined;

/** Loads the first of the packages that works, makes TensorFlow the active backend and returns the package's name. */
async function load(names: string[]): Promise<string> {
  loaded ??= await importFirst(names);
  if (!names.includes(loaded)) {
    throw new Error(`${names[0]} cannot be used in a process that already uses ${loaded}: choose it first.`);
  }
  if (!(await tf.setBackend('tensorflow'))) throw new Error(`${loaded} is installed, but TensorFlow does not start.`);
  return loaded;
}

async function importFirst(names: string[]): Promise<string> {
  const problems: string[] = [];
  for (const name of names) {
    try {
      await import(name);
      return name;
    } catch (error) {
      problems.push(whyNot(name, error as NodeJS.ErrnoException));
    }
  }
  throw new Error(problems.join(' '));
}

function whyNot(name: string, {code, message}: NodeJS.ErrnoException): string {
  const missing = /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') && message.includes(`'${name}'`);
  return missing
    ? `${name} is not installed: npm install ${name}.`
    : `${name} is installed but cannot be loaded (${message.split('\n', 1)[0]}): npm install ${name}.`;
}

function usesGpu(): boolean {
  return (tf.backend() as tf.KernelBackend & {isUsingGpuDevice?: boolean}).isUsingGpuDevice === true;
}
