import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import type {BackendName} from '../backends/choice.js';
import {packageFolder} from './package-folder.cjs';
import {lastLine, runCommand} from './run-command.js';
import type {SmallTraining} from './small-convolution.js';

/** How far single-precision sums in another order may lie apart, relative to numbers around 1. */
const TOLERANCE = 1e-4;

/** Keeps GPUs from TF32, the shorter numbers that they take for convolutions otherwise: their results differ by 1e-3. */
const FULL_PRECISION = {NVIDIA_TF32_OVERRIDE: '0'};

/**
 * Trains small convolutions on TensorFlow in a fresh process, and in another on the plain JavaScript backend, and
 * compares losses and weights.
 *
 * @param folder where the native package lies, in place or not yet.
 * @returns what TensorFlow ran on.
 * @throws one line: it does not load, or its numbers are not the reference's.
 */
export async function prove(folder: string, backend: 'tensorflow' | 'cuda'): Promise<Omit<SmallTraining, 'values'>> {
  const {reason, gpu, values} = await trainIn(backend, folder);
  const reference = await trainIn('cpu', folder);
  const difference = Math.max(...reference.values.map((value, i) => Math.abs(value - (values[i] ?? NaN))));
  if (!(difference <= TOLERANCE)) {
    throw new Error(
      `TensorFlow runs, but trains a convolution to other numbers than the reference (${difference} apart)`,
    );
  }
  return {reason, gpu};
}

async function trainIn(backend: BackendName, folder: string): Promise<SmallTraining> {
  const module = (name: string) =>
    JSON.stringify(pathToFileURL(join(packageFolder(), 'dist/esm/node/setup', name)).href);
  const result = await runCommand(
    process.execPath,
    [
      ...['--input-type=module', '--eval'],
      `import {trainSmallConvolution} from ${module('small-convolution.js')};
     import {lookForPackageIn} from ${module('placed-package.js')};
     lookForPackageIn(${JSON.stringify(folder)});
     try { console.log(JSON.stringify(await trainSmallConvolution('${backend}'))); }
     catch (error) { console.error(error.message); process.exitCode = 1; }`,
    ],
    {env: {...process.env, ...FULL_PRECISION}},
  );
  const line = result.stdout.trim().split('\n').at(-1)!;
  if (result.status !== 0 || !line.startsWith('{')) {
    throw new Error(`TensorFlow does not train here: ${lastLine(result)}`);
  }
  return JSON.parse(line) as SmallTraining;
}
