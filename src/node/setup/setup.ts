import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {removeFolders} from '../system/files.js';
import type {Gpu} from '../backends/gpu.js';
import {describeGpu, driverTooOld, firstGpu, startUpErrors, whyNoGpu} from '../backends/gpu.js';
import {compileBinding, sourcesDigest} from './compile.js';
import {makeFolder} from './make-folder.js';
import {installNpmPackage} from './npm-package.js';
import type {SetUpOptions} from './options.js';
import {NPM_PACKAGE_VERSION, npmPackage, privateFolder, requireOptions} from './options.js';
import type {PlacedPackage} from './placed-package.js';
import {lockPackageFolder, nativeFolders, placePackage} from './placed-package.js';
import {leftovers, lockPrivateFolder} from './private-folder.js';
import {prove} from './prove.js';
import {requireCompiler, requireNpm, requireSpace, requireSystem} from './system.js';
import {tensorFlowSource} from './tensorflow-source.js';

/** A TensorFlow that was set up and has trained. */
export interface SetUpResult extends PlacedPackage {
  /** What it ran on when it was tried. */
  reason: string;
  /** Why a TensorFlow with CUDA was tried on the CPU, and what to do; absent where it ran on a GPU. */
  noGpu?: string;
}

/**
 * Sets up TensorFlow for this copy of tfjs-ragan, so that `useBackend('tensorflow')`, or `'cuda'`, works: fetches it with
 * pip into a private folder, compiles the binding of `@tensorflow/tfjs-node`, trains a small convolution with it in a
 * fresh process, and puts it into this package's own folder. Linux on x86-64.
 *
 * With CUDA that training must run on the GPU where the driver names one; where none does, it runs on the CPU and the
 * result says what is missing.
 *
 * What is already there is used again, so a second run takes seconds, also for another project. It may be interrupted at
 * any moment and run twice at once; nothing outside the private folder and this package's own is written, and what worked
 * before stays until the new one has trained.
 *
 * @throws one line for anything that is missing, with what to do about it.
 * @example
 * const {version} = await setUpTensorFlow({cuda: true, onProgress: console.log});
 */
export async function setUpTensorFlow(options: SetUpOptions = {}): Promise<SetUpResult> {
  requireOptions(options);
  requireSystem();
  const {onProgress = () => undefined} = options;
  const gpu = options.cuda ? await usableGpu() : undefined;
  const folder = privateFolder(options.folder);
  await requireSpace(folder, 0.1);
  const releaseFolder = await lockPrivateFolder(folder, onProgress);
  try {
    const releasePackage = await lockPackageFolder(onProgress);
    try {
      await removeFolders([...(await leftovers(folder)), ...(await nativeFolders({all: false}))]);
      return await setUp(folder, gpu, options);
    } finally {
      await releasePackage();
    }
  } finally {
    await releaseFolder();
  }
}

/** The GPU that the driver names, or undefined if it names none. @throws one line if the driver is too old for CUDA 12. */
async function usableGpu(): Promise<Gpu | undefined> {
  const gpu = await firstGpu().catch(() => undefined);
  const tooOld = gpu && driverTooOld(gpu);
  if (tooOld !== undefined) throw new Error(`${tooOld}: update it, or leave --cuda out for the CPU`);
  return gpu;
}

async function setUp(folder: string, gpu: Gpu | undefined, options: SetUpOptions): Promise<SetUpResult> {
  const {cuda = false, onProgress = () => undefined} = options;
  const {tensorflow, version, home, provide} = await tensorFlowSource(folder, options);
  const installed = join(home, `npm-${NPM_PACKAGE_VERSION}-${await sourcesDigest()}`);
  const name = npmPackage(cuda);
  if (existsSync(installed)) {
    await provide();
  } else {
    // Asked for before anything is fetched.
    const [compiler, npm] = [requireCompiler(), requireNpm()];
    await provide();
    await makeFolder(installed, async beside => {
      onProgress(`Installing ${name} ${NPM_PACKAGE_VERSION} without its install script`);
      const npmFolder = await installNpmPackage(npm, beside, cuda);
      onProgress(`Compiling its binding with ${compiler}`);
      await compileBinding(compiler, npmFolder, tensorflow);
    });
  }
  // A new card takes minutes here, which its line tells.
  onProgress(`Training a small convolution in a fresh process${gpu ? ` on ${describeGpu(gpu)}` : ''}`);
  let proof: Awaited<ReturnType<typeof prove>>;
  try {
    const placed = await placePackage(installed, {name, cuda, version, tensorflow, from: folder}, async beside => {
      proof = await prove(beside, gpu ? 'cuda' : 'tensorflow');
    });
    const result = {...placed, reason: proof!.reason};
    if (!cuda || proof!.gpu) return result;
    return {...result, noGpu: await whyNoGpu(() => startUpErrors(placed.folder), tensorflow)};
  } catch (error) {
    // Compiled again next time.
    await rm(installed, {recursive: true, force: true});
    throw error;
  }
}
