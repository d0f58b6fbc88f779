import {readFile} from 'node:fs/promises';
import {findProgram} from './setup/system.js';
import {lastLine, runCommand} from './setup/run-command.js';

/** An NVIDIA card, as its driver describes it. */
export interface Gpu {
  name: string;
  /** Compute capability, as 9. */
  capability: number;
  driver: string;
  /** In MiB. */
  memory: number;
}

/** The oldest drivers that run CUDA 12, and that compile the PTX of CUDA 12.5 for cards newer than TensorFlow's own code. */
const OLDEST_DRIVER = '525.60';
const OLDEST_DRIVER_FOR_NEW_CARDS = '555.42';

/** Compute capability from which TensorFlow 2.21 has no code ready, only PTX. */
const NEW_CARD = 9;

/**
 * The card that TensorFlow calls GPU 0, or undefined where nvidia-smi is missing.
 *
 * @throws what nvidia-smi says if it cannot reach the driver.
 */
export async function firstGpu(): Promise<Gpu | undefined> {
  const program = findProgram('nvidia-smi') ?? findProgram('/usr/lib/wsl/lib/nvidia-smi');
  if (program === undefined) return undefined;
  const [first] = (process.env.CUDA_VISIBLE_DEVICES ?? '').split(',');
  const result = await runCommand(program, [
    '--query-gpu=name,compute_cap,driver_version,memory.total',
    '--format=csv,noheader,nounits',
    ...(first ? [`--id=${first}`] : []),
  ]);
  if (result.status !== 0) throw new Error(lastLine({...result, stderr: result.stderr || result.stdout}));
  const [name, capability, driver, memory] = result.stdout
    .split('\n')[0]!
    .split(',')
    .map(part => part.trim());
  return {name: name!, capability: Number(capability), driver: driver!, memory: Number(memory)};
}

/** One line about a card: "NVIDIA H200, compute capability 9.0, driver 570.86, 140 GiB". */
export function describeGpu({name, capability, driver, memory}: Gpu): string {
  const line = `${name}, compute capability ${capability.toFixed(1)}, driver ${driver}, ${Math.round(memory / 1024)} GiB`;
  return capability >= NEW_CARD
    ? `${line} (the first run on it compiles TensorFlow's kernels, some minutes, kept in ~/.nv)`
    : line;
}

/**
 * Why TensorFlow registered no GPU, and what to do.
 *
 * @param errors what TensorFlow itself said on stderr; asked for only where nothing simpler explains it.
 */
export async function whyNoGpu(errors: () => Promise<string>): Promise<string> {
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  if (visible !== undefined && (visible.trim() === '' || visible.trim().startsWith('-1'))) {
    return `CUDA_VISIBLE_DEVICES is ${JSON.stringify(visible)}, which hides every GPU: unset it`;
  }
  let gpu: Gpu | undefined;
  try {
    gpu = await firstGpu();
  } catch (error) {
    return `the NVIDIA driver does not answer (nvidia-smi: ${(error as Error).message})`;
  }
  if (gpu === undefined && !(await kernelDriver())) {
    return (
      `only the driver is missing: install the NVIDIA driver, ${OLDEST_DRIVER} or later (${OLDEST_DRIVER_FOR_NEW_CARDS} ` +
      'for Hopper and newer cards); in a container, run it with --gpus all'
    );
  }
  if (gpu !== undefined) {
    const needed = gpu.capability >= NEW_CARD ? OLDEST_DRIVER_FOR_NEW_CARDS : OLDEST_DRIVER;
    if (isOlder(gpu.driver, needed)) {
      return `the NVIDIA driver is too old: ${gpu.name} needs ${needed} or later, and ${gpu.driver} is here`;
    }
  }
  const said = tensorFlowErrors(await errors());
  const card = gpu ? ` (${describeGpu(gpu)})` : '';
  return said ? `TensorFlow says: ${said}${card}` : `TensorFlow does not say why${card}`;
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
