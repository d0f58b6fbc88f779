import * as tf from '@tensorflow/tfjs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {hasOneDnn} from '../../tensorflow/one-dnn.js';
import {registerTensorFlowKernels} from '../../tensorflow/register.js';
import {setStepCapturer} from '../../training/step-capture.js';
import type {BackendOptions, StartedBackend} from './options.js';
import {captureStep} from '../capture/capture-step.js';
import {allFinite, runAfter} from '../capture/record-step.js';
import {describeGpu, firstGpu, startUpErrors, whyNoGpu} from './gpu.js';
import {supplyRemovedFunctions} from './removed-node-functions.js';
import {QUIET_LOADER} from '../setup/compile.js';
import {placedPackage} from '../setup/placed-package.js';
import {setTensorFlowEnvironment} from './environment.js';

const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';
const CPU_PACKAGE = '@tensorflow/tfjs-node';

/** What the user sets to 0 to do without oneDNN. */
const ONEDNN = 'TF_ENABLE_ONEDNN_OPTS';

/** See `captureStep`. */
const CAPTURED = ', with captured training steps';

/** Starts TensorFlow on a GPU; a run on the CPU is refused, since TensorFlow falls back to it without a word. */
export function startCuda(options: BackendOptions): Promise<StartedBackend> {
  return start([GPU_PACKAGE], options, async ({name, folder, tensorflow}) => {
    if (!usesGpu()) {
      const errors = () => (folder === undefined ? Promise.resolve('') : startUpErrors(folder));
      throw new Error(`${name} is here, but uses no GPU: ${await whyNoGpu(errors, tensorflow)}.`);
    }
    return {reason: `${await tensorFlowOnGpu()}, through ${name}${CAPTURED}`};
  });
}

/** Starts TensorFlow through whichever of its packages is here. */
export function startTensorFlow(options: BackendOptions): Promise<StartedBackend> {
  return start([CPU_PACKAGE, GPU_PACKAGE], options, async ({name, oneDnnSetting}) => {
    const {threads} = options;
    const reason = usesGpu()
      ? `${await tensorFlowOnGpu()}, through ${name}${CAPTURED}`
      : `${tensorFlow()} on the CPU, through ${name}, ${describeOneDnn(oneDnnSetting)}${CAPTURED}`;
    return {reason, ...(threads !== undefined && {threads})};
  });
}

/** Whether oneDNN computes here, and who decided it. */
function describeOneDnn(setting: string | undefined): string {
  const on = hasOneDnn();
  const decision = setting === undefined ? on && 'by default' : `${ONEDNN}=${setting}`;
  return `${on ? 'with' : 'without'} oneDNN${decision ? ` (${decision})` : ''}`;
}

/** A native package that works in this process. */
interface Loaded {
  name: string;
  /** Where setup put it, and the folder of TensorFlow's libraries; absent for one that the project itself installed. */
  folder?: string;
  tensorflow?: string;
}

interface Started extends Loaded {
  options: BackendOptions;
  /** What the user had set. */
  oneDnnSetting: string | undefined;
}

/** The package that registered the backend in this process, and what it was started with; there is room for one. */
let loaded: Started | undefined;

/** @throws if TensorFlow already runs in this process with other options; those for a GPU count where it has one. */
export function requireRunningOptions(options: BackendOptions): void {
  if (!loaded) return;
  for (const name of usesGpu() ? (Object.keys(options) as (keyof BackendOptions)[]) : (['threads'] as const)) {
    const [value, running] = [options[name], loaded.options[name]];
    if (value === undefined || value === running) continue;
    throw new Error(
      `TensorFlow already runs with ${name} ${running ?? 'of its own choice'} and cannot change to ${value}: ` +
        'give the options when it is used first.',
    );
  }
}

/**
 * Loads the first of the packages that works, makes TensorFlow the active backend and describes it. Where that is
 * refused, the environment and the active backend are as before.
 */
async function start(
  names: string[],
  options: BackendOptions,
  describe: (started: Started) => Promise<StartedBackend>,
): Promise<StartedBackend> {
  requireRunningOptions(options);
  const activeBefore = tf.getBackend() as string | undefined;
  const oneDnnSetting = process.env[ONEDNN];
  const restoreEnvironment = loaded ? () => undefined : setTensorFlowEnvironment(options);
  try {
    loaded ??= {...(await importFirst(names)), options, oneDnnSetting};
    if (!names.includes(loaded.name)) {
      throw new Error(`${names[0]} cannot be used in a process that already uses ${loaded.name}: choose it first.`);
    }
    if (!(await tf.setBackend('tensorflow'))) throw new Error(`${loaded.name} is here, but TensorFlow does not start.`);
    registerTensorFlowKernels();
    // On a processor the halves of a batch keep the cores busier than its ops, one after the other, do.
    setStepCapturer('tensorflow', {capture: captureStep, lanes: usesGpu() ? 1 : 2, allFinite, runAfter});
    return await describe(loaded);
  } catch (error) {
    restoreEnvironment();
    if (activeBefore) await tf.setBackend(activeBefore);
    throw error;
  }
}

async function importFirst(names: string[]): Promise<Loaded> {
  supplyRemovedFunctions();
  const problems: string[] = [];
  const placed = await placedPackage();
  if (placed && names.includes(placed.name)) {
    const {name, folder, tensorflow} = placed;
    try {
      // By require, which takes any path as it is; TensorFlow's libraries first, without their start-up notes.
      const require = createRequire(join(folder, 'package.json'));
      require(`./${QUIET_LOADER}`);
      require('./dist/index.js');
      return {name, folder, tensorflow};
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

function nativeBackend(): NativeBackend {
  return tf.findBackend('tensorflow');
}

function usesGpu(): boolean {
  return nativeBackend().isUsingGpuDevice === true;
}

function tensorFlow(): string {
  const version = nativeBackend().binding?.TF_Version;
  return version === undefined ? 'TensorFlow' : `TensorFlow ${version}`;
}

async function tensorFlowOnGpu(): Promise<string> {
  // A card that TensorFlow uses needs no nvidia-smi to be used.
  const gpu = await firstGpu().catch(() => undefined);
  return `${tensorFlow()} on ${gpu ? describeGpu(gpu) : 'a GPU'}`;
}
