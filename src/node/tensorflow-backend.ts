import * as tf from '@tensorflow/tfjs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {registerTensorFlowKernels} from '../tensorflow/register.js';
import {setStepCapturer} from '../training/step-capture.js';
import type {BackendOptions, StartedBackend} from './backend.js';
import {captureStep} from './capture/capture-step.js';
import {describeGpu, firstGpu, whyNoGpu} from './gpu.js';
import {supplyRemovedFunctions} from './removed-node-functions.js';
import {BINDING, QUIET_LOADER} from './setup/compile.js';
import {placedPackage} from './setup/placed-package.js';
import {runCommand} from './setup/run-command.js';
import {setTensorFlowEnvironment} from './tensorflow-environment.js';

const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';
const CPU_PACKAGE = '@tensorflow/tfjs-node';

/** See `captureStep`. */
const CAPTURED = ', with captured training steps';

/** Starts TensorFlow on a GPU; a run on the CPU is refused, since TensorFlow falls back to it without a word. */
export async function startCuda(options: BackendOptions): Promise<StartedBackend> {
  const {name, folder} = await load([GPU_PACKAGE], options);
  if (!usesGpu()) {
    throw new Error(`${name} is here, but uses no GPU: ${await whyNoGpu(() => startUpErrors(folder))}.`);
  }
  return {reason: `${await tensorFlowOnGpu()}, through ${name}${CAPTURED}`};
}

/** Starts TensorFlow through whichever of its packages is here. */
export async function startTensorFlow(options: BackendOptions): Promise<StartedBackend> {
  const {name} = await load([CPU_PACKAGE, GPU_PACKAGE], options);
  const {threads} = options;
  const on = usesGpu() ? await tensorFlowOnGpu() : `${tensorFlow()} on the CPU`;
  return {reason: `${on}, through ${name}${CAPTURED}`, ...(threads !== undefined && {threads})};
}

/** A native package that works in this process. */
interface Loaded {
  name: string;
  /** Where setup put it; absent for one that the project itself installed. */
  folder?: string;
}

/** The package that registered the backend in this process, and what it was started with; there is room for one. */
let loaded: (Loaded & {options: BackendOptions}) | undefined;

/** Loads the first of the packages that works, makes TensorFlow the active backend and returns the package. */
async function load(names: string[], options: BackendOptions): Promise<Loaded> {
  loaded ??= {...(await importFirst(names, options)), options};
  if (!names.includes(loaded.name)) {
    throw new Error(`${names[0]} cannot be used in a process that already uses ${loaded.name}: choose it first.`);
  }
  for (const [name, value] of Object.entries(options)) {
    const running = loaded.options[name as keyof BackendOptions];
    if (value === undefined || value === running) continue;
    throw new Error(
      `TensorFlow already runs with ${name} ${running ?? 'of its own choice'} and cannot change to ${value}: ` +
        'give the options when it is used first.',
    );
  }
  if (!(await tf.setBackend('tensorflow'))) throw new Error(`${loaded.name} is here, but TensorFlow does not start.`);
  registerTensorFlowKernels();
  setStepCapturer('tensorflow', captureStep);
  return loaded;
}

async function importFirst(names: string[], options: BackendOptions): Promise<Loaded> {
  setTensorFlowEnvironment(options);
  supplyRemovedFunctions();
  const problems: string[] = [];
  const placed = await placedPackage();
  if (placed && names.includes(placed.name)) {
    const {name, folder} = placed;
    try {
      loadQuietly(folder);
      await import(join(folder, 'dist/index.js'));
      return {name, folder};
    } catch (error) {
      const {message} = error as Error;
      problems.push(`${name} was set up but cannot be loaded (${firstLine(message)}): ${setUpAgain(placed.cuda)}.`);
    }
  }
  for (const name of names) {
    try {
      await import(name);
      return {name};
    } catch (error) {
      const problem = whyNot(name, error as NodeJS.ErrnoException);
      if (problem !== undefined) problems.push(problem);
    }
  }
  if (problems.length > 0) throw new Error(problems.join(' '));
  throw new Error(`TensorFlow is not set up here: ${setUp(names[0] === GPU_PACKAGE)}.`);
}

/** The command that brings TensorFlow, or where setup does not work, the package that may. */
export function setUp(cuda: boolean): string {
  if (process.platform === 'linux' && process.arch === 'x64') return `npx tfjs-ragan setup${cuda ? ' --cuda' : ''}`;
  return cuda ? 'CUDA needs Linux on x86-64' : `npm install ${CPU_PACKAGE}`;
}

function setUpAgain(cuda: boolean): string {
  return `${setUp(cuda)} sets it up again`;
}

/** Loads TensorFlow's libraries ahead of the binding, without their start-up notes. */
function loadQuietly(folder: string): void {
  createRequire(join(folder, 'package.json'))(`./${QUIET_LOADER}`);
}

/** Why a package cannot be used; undefined if it is just not installed. */
function whyNot(name: string, {code, message}: NodeJS.ErrnoException): string | undefined {
  const missing = /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') && message.includes(`'${name}'`);
  if (missing) return undefined;
  return `${name} is installed but cannot be loaded (${firstLine(message)}): ${setUp(name === GPU_PACKAGE)}.`;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!;
}

interface NativeBackend extends tf.KernelBackend {
  isUsingGpuDevice?: boolean;
  binding?: {TF_Version?: string};
}

function usesGpu(): boolean {
  return (tf.backend() as NativeBackend).isUsingGpuDevice === true;
}

function tensorFlow(): string {
  const version = (tf.backend() as NativeBackend).binding?.TF_Version;
  return version === undefined ? 'TensorFlow' : `TensorFlow ${version}`;
}

async function tensorFlowOnGpu(): Promise<string> {
  // A card that TensorFlow uses needs no nvidia-smi to be used.
  const gpu = await firstGpu().catch(() => undefined);
  return `${tensorFlow()} on ${gpu ? describeGpu(gpu) : 'a GPU'}`;
}

/** What TensorFlow says on stderr when it starts in a process of its own, with all its messages on. */
async function startUpErrors(folder: string | undefined): Promise<string> {
  const binding = folder === undefined ? undefined : join(folder, BINDING);
  if (binding === undefined) return '';
  const {stderr} = await runCommand(
    process.execPath,
    ['--eval', `require(${JSON.stringify(binding)}).isUsingGpuDevice()`],
    {env: {...process.env, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1'}},
  );
  return stderr;
}
