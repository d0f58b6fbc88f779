import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {BINDING} from '../setup/compile.js';
import {isBuiltWithoutCuda} from '../setup/installed-tensorflow.js';
import type {CommandResult} from '../setup/run-command.js';
import {runCommand, tellingLine} from '../setup/run-command.js';
import {findProgram} from '../setup/system.js';

/** An NVIDIA card, as its driver describes it. */
export interface Gpu {
  name: string;
  driver: string;
  /** Compute capability, as 9; drivers before 510 do not tell it. */
  capability?: number;
  /** In MiB; some cards do not tell it. */
  memory?: number;
}

/** The oldest drivers that run CUDA 12, and that compile the PTX of CUDA 12.5 for cards newer than TensorFlow's own code. */
const OLDEST_DRIVER = '525.60';
const OLDEST_DRIVER_FOR_NEW_CARDS = '555.42';

/** Compute capability from which TensorFlow 2.21 has no code ready, only PTX. */
const NEW_CARD = 9;

/** How long nvidia-smi may take, in milliseconds: with a broken driver it can hang. */
const PATIENCE = 10_000;

/** What CUDA_VISIBLE_DEVICES begins with where it hides every GPU. */
const HIDES_ALL = /^\s*(|-.*|none|void|nodevfiles)\s*(,|$)/i;

/**
 * The card that TensorFlow calls GPU 0, or undefined where nvidia-smi is missing or every card is hidden. Where
 * CUDA_VISIBLE_DEVICES names a MIG slice or a shortened UUID, which nvidia-smi does not take, it is the first card there
 * is, whose driver is the same.
 *
 * @throws if the driver does not answer, with what nvidia-smi says of it, or if there is no such card.
 */
export async function firstGpu(): Promise<Gpu | undefined> {
  if (hidesEveryGpu()) return undefined;
  const program = findProgram('nvidia-smi') ?? findProgram('/usr/lib/wsl/lib/nvidia-smi');
  if (program === undefined) return undefined;
  const id = (process.env.CUDA_VISIBLE_DEVICES ?? '').split(',')[0]!.trim();
  const ask = (which: string[]) =>
    askNvidiaSmi(program, ['name', 'compute_cap', 'driver_version', 'memory.total'], which);
  const {gpus, answer} = await ask(id === '' ? [] : [`--id=${id}`]);
  if (gpus.length > 0) return gpus[0];
  const all = id === '' ? [] : (await ask([])).gpus;
  if (all.length === 0) {
    const said = tellingLine(answer, /fail|mismatch|unable|could not|no devices|not found/i);
    throw new Error(`the NVIDIA driver does not answer (nvidia-smi: ${said})`);
  }
  if (/^\d+$/.test(id)) {
    throw new Error(`CUDA_VISIBLE_DEVICES asks for card ${id}, and there are ${all.length}, counted from 0`);
  }
  return all[0];
}

async function askNvidiaSmi(
  program: string,
  fields: string[],
  which: string[],
): Promise<{gpus: Gpu[]; answer: CommandResult}> {
  const query = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits', ...which];
  const answer = await runCommand(program, query, {timeout: PATIENCE});
  // Drivers before 510 refuse the whole query for the one field.
  if (fields.includes('compute_cap') && /"?compute_cap"? is not a valid field/i.test(answer.stdout + answer.stderr)) {
    return askNvidiaSmi(
      program,
      fields.filter(field => field !== 'compute_cap'),
      which,
    );
  }
  if (answer.status !== 0) return {gpus: [], answer};
  const lines = answer.stdout.split('\n').map(line => line.split(',').map(part => part.trim()));
  // Lines of another kind, such as warnings, are passed over.
  const gpus = lines
    .filter(parts => parts.length >= fields.length)
    .map(parts => gpuOf(name => parts[fields.indexOf(name)]));
  return {gpus, answer};
}

function gpuOf(field: (name: string) => string | undefined): Gpu {
  const [capability, memory] = [parseFloat(field('compute_cap') ?? ''), parseFloat(field('memory.total') ?? '')];
  return {
    name: field('name')!,
    driver: field('driver_version')!,
    // What a card does not have is printed as [N/A].
    ...(!Number.isNaN(capability) && {capability}),
    ...(!Number.isNaN(memory) && {memory}),
  };
}

/** One line about a card: "NVIDIA H200, compute capability 9.0, driver 570.86, 140 GiB". */
export function describeGpu({name, capability, driver, memory}: Gpu): string {
  const line = [
    name,
    ...(capability === undefined ? [] : [`compute capability ${capability.toFixed(1)}`]),
    `driver ${driver}`,
    ...(memory === undefined ? [] : [`${Math.round(memory / 1024)} GiB`]),
  ].join(', ');
  return isNew(capability)
    ? `${line} (the first run on it compiles TensorFlow's kernels, some minutes, kept in ~/.nv)`
    : line;
}

/** Why a card's driver cannot run TensorFlow's CUDA, or undefined if it can. */
export function driverTooOld(gpu: Gpu): string | undefined {
  const needed = isNew(gpu.capability) ? OLDEST_DRIVER_FOR_NEW_CARDS : OLDEST_DRIVER;
  if (!isOlder(gpu.driver, needed)) return undefined;
  return `the NVIDIA driver is too old: ${gpu.name} needs ${needed} or later, and ${gpu.driver} is here`;
}

/**
 * Why TensorFlow registered no GPU, and what to do.
 *
 * @param errors what TensorFlow itself said on stderr; asked for only where nothing simpler explains it.
 * @param tensorflow the folder of its libraries, where that is known.
 */
export async function whyNoGpu(errors: () => Promise<string>, tensorflow?: string): Promise<string> {
  if (tensorflow !== undefined && (await isBuiltWithoutCuda(tensorflow))) {
    return `the TensorFlow in ${tensorflow} is built without CUDA: npx tfjs-ragan setup --cuda fetches one with it`;
  }
  if (hidesEveryGpu()) {
    return `CUDA_VISIBLE_DEVICES is ${JSON.stringify(process.env.CUDA_VISIBLE_DEVICES)}, which hides every GPU: unset it`;
  }
  let gpu: Gpu | undefined;
  try {
    gpu = await firstGpu();
  } catch (error) {
    return (error as Error).message;
  }
  if (gpu === undefined && !(await kernelDriver())) {
    return (
      `only the driver is missing: install the NVIDIA driver, ${OLDEST_DRIVER} or later (${OLDEST_DRIVER_FOR_NEW_CARDS} ` +
      'for Hopper and newer cards); in a container, run it with --gpus all'
    );
  }
  const tooOld = gpu && driverTooOld(gpu);
  if (tooOld !== undefined) return tooOld;
  const said = tensorFlowErrors(await errors());
  const card = gpu ? ` (${describeGpu(gpu)})` : '';
  return said ? `TensorFlow says: ${said}${card}` : `TensorFlow does not say why${card}`;
}

/**
 * What TensorFlow says on stderr when it starts in a process of its own, with all its messages on.
 *
 * @param folder the native package that setup put in place.
 */
export async function startUpErrors(folder: string): Promise<string> {
  const {stderr} = await runCommand(
    process.execPath,
    ['--eval', `require(${JSON.stringify(join(folder, BINDING))}).isUsingGpuDevice()`],
    {env: {...process.env, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1'}},
  );
  return stderr;
}

/** The messages among TensorFlow's log lines that tell why it has no GPU: libraries first. */
export function tensorFlowErrors(log: string): string {
  const libraries = [...log.matchAll(/Could not load dynamic library '([^']+)'/g)].map(match => match[1]!);
  if (libraries.length > 0) return `could not load ${[...new Set(libraries)].join(', ')}`;
  const messages = [...log.matchAll(/^[EWF]\d{4} .*?\] (.*)$|: [EWF] .*?\] (.*)$/gm)].map(
    match => match[1] ?? match[2]!,
  );
  return [...new Set(messages)].slice(0, 2).join('; ');
}

function hidesEveryGpu(): boolean {
  return HIDES_ALL.test(process.env.CUDA_VISIBLE_DEVICES ?? 'unset');
}

function isNew(capability: number | undefined): boolean {
  return capability !== undefined && capability >= NEW_CARD;
}

async function kernelDriver(): Promise<boolean> {
  return readFile('/proc/driver/nvidia/version').then(
    () => true,
    () => false,
  );
}

function isOlder(version: string, than: string): boolean {
  const [a = [], b = []] = [version, than].map(text => text.split('.').map(Number));
  const differing = b.findIndex((part, i) => part !== (a[i] ?? 0));
  return differing >= 0 && (a[differing] ?? 0) < b[differing]!;
}
