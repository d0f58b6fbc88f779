import {createHash, randomUUID} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readdir, rename, rm, rmdir} from 'node:fs/promises';
import {join} from 'node:path';
import {describeGpu, firstGpu} from '../gpu.js';
import {compileBinding} from './compile.js';
import {fetchTensorFlow, pinnedVersion} from './fetch.js';
import {installedTensorFlow} from './installed-tensorflow.js';
import {keepLibraries} from './keep-libraries.js';
import {lockFolder} from './lock.js';
import {installNpmPackage} from './npm-package.js';
import type {SetUpOptions} from './options.js';
import {NPM_PACKAGE_VERSION, npmPackage, privateFolder, requireOptions} from './options.js';
import type {PlacedPackage} from './placed-package.js';
import {placePackage, placedPackage, removePlacedPackage} from './placed-package.js';
import {prove} from './prove.js';
import {requireCompiler, requireNpm, requirePython, requireSpace, requireSystem} from './system.js';

/** Free disk space that a fetch needs, its temporary files included, in GB. */
const SPACE = {cpu: 2, cuda: 11};

/** Everything that setup makes in the private folder has such a name. */
const OURS = /^tensorflow-(cpu|cuda|installed)-/;

/** A TensorFlow that was set up and has trained. */
export interface SetUpResult extends PlacedPackage {
  /** What it ran on when it was tried. */
  reason: string;
}

/**
 * Sets up TensorFlow for this copy of tfjs-ragan, so that `useBackend('tensorflow')`, or `'cuda'`, works: fetches it with
 * pip into a private folder, compiles the binding of `@tensorflow/tfjs-node`, puts that into this package's own folder,
 * and trains a small convolution with it in a fresh process. Linux on x86-64.
 *
 * What is already there is used again, so a second run takes seconds, also for another project. It may be interrupted at
 * any moment and run twice at once; nothing outside the private folder and this package's own is written.
 *
 * @throws one line for anything that is missing, with what to do about it.
 * @example
 * const {version} = await setUpTensorFlow({cuda: true, onProgress: console.log});
 */
export async function setUpTensorFlow(options: SetUpOptions = {}): Promise<SetUpResult> {
  requireOptions(options);
  requireSystem();
  const {cuda = false, onProgress = () => undefined} = options;
  const compiler = requireCompiler();
  const npm = requireNpm();
  const folder = privateFolder(options.folder);
  await requireSpace(folder, 0.1);
  const release = await lockFolder(folder, () =>
    onProgress(`Another setup is working in ${folder}: waiting for it ...`),
  );
  try {
    await removeLeftovers(folder);
    const {home, tensorflow, version} = await provideTensorFlow(folder, options);
    const installed = join(home, `npm-${NPM_PACKAGE_VERSION}`);
    const name = npmPackage(cuda);
    if (!existsSync(installed)) {
      await makeFolder(installed, async beside => {
        onProgress(`Installing ${name} ${NPM_PACKAGE_VERSION} without its install script`);
        const npmFolder = await installNpmPackage(npm, beside, cuda);
        onProgress(`Compiling its binding with ${compiler}`);
        await compileBinding(compiler, npmFolder, tensorflow);
      });
    }
    const placed = await placePackage(installed, {name, cuda, version, tensorflow, from: folder});
    // A new card takes minutes here, which its line tells.
    const gpu = cuda ? await firstGpu().catch(() => undefined) : undefined;
    onProgress(`Training a small convolution in a fresh process${gpu ? ` on ${describeGpu(gpu)}` : ''}`);
    try {
      return {...placed, reason: await prove()};
    } catch (error) {
      await removePlacedPackage();
      await rm(installed, {recursive: true, force: true});
      throw error;
    }
  } finally {
    release();
  }
}

/**
 * Undoes `setUpTensorFlow`: removes the native package from this copy of tfjs-ragan and what setup fetched, which other
 * projects that were set up from the same folder then need to set up again.
 *
 * @param options.folder the private folder. Default: the one this copy was set up from, or else the user's cache.
 * @returns what was removed; empty if nothing was there.
 */
export async function removeTensorFlow({folder}: {folder?: string} = {}): Promise<string[]> {
  const placed = await placedPackage();
  const from = folder === undefined && placed ? placed.from : privateFolder(folder);
  const removed = placed ? [placed.folder] : [];
  await removePlacedPackage();
  if (!existsSync(from)) return removed;
  const release = await lockFolder(from, () => undefined);
  try {
    for (const name of await readdir(from)) {
      if (!OURS.test(name)) continue;
      removed.push(join(from, name));
      await rm(join(from, name), {recursive: true, force: true});
    }
    // A folder that holds anything else stays.
    await rmdir(from).catch(() => undefined);
  } finally {
    release();
  }
  return removed;
}

/** A TensorFlow to compile against, fetched if need be, and the folder for what is compiled against it. */
async function provideTensorFlow(folder: string, options: SetUpOptions) {
  const {cuda = false, onProgress = () => undefined} = options;
  if (options.tensorflow !== undefined) {
    const {folder: tensorflow, version} = await installedTensorFlow(options.tensorflow);
    onProgress(`Using TensorFlow ${version} in ${tensorflow}`);
    const place = createHash('sha256').update(`${tensorflow} ${version} ${cuda}`).digest('hex').slice(0, 12);
    return {home: join(folder, `tensorflow-installed-${place}`), tensorflow, version};
  }
  const version = options.version ?? (await pinnedVersion(cuda));
  const kind = cuda ? 'cuda' : 'cpu';
  const home = join(folder, `tensorflow-${kind}-${version}`);
  if (!existsSync(home)) {
    const python = await requirePython();
    await requireSpace(folder, SPACE[kind]);
    onProgress(
      `Fetching TensorFlow ${version} for ${cuda ? 'CUDA 12 (about 3.4 GB)' : 'the CPU (about 275 MB)'} into ${home}`,
    );
    await makeFolder(home, async beside => {
      await fetchTensorFlow(beside, {python, cuda, version: options.version, onProgress});
      await keepLibraries(beside);
    });
  }
  return {home, tensorflow: join(home, 'tensorflow'), version};
}

/** Fills a folder beside its place and renames it when it is whole: an interrupted run leaves nothing that is used. */
async function makeFolder(path: string, fill: (beside: string) => Promise<void>): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await fill(beside);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, {recursive: true, force: true});
    throw error;
  }
}

/** Removes what interrupted runs left; only the holder of the lock has temporary folders. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!OURS.test(name)) continue;
    if (name.endsWith('.tmp')) await rm(path, {recursive: true, force: true});
    else {
      for (const inner of await readdir(path)) {
        if (inner.endsWith('.tmp')) await rm(join(path, inner), {recursive: true, force: true});
      }
    }
  }
}
