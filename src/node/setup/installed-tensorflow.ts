import {existsSync} from 'node:fs';
import {readFile, readdir, realpath} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {findProgram} from './system.js';
import {runCommand} from './run-command.js';

/** A TensorFlow on this machine that can be compiled against. */
export interface InstalledTensorFlow {
  /** The folder with the libraries and `include`. */
  folder: string;
  version: string;
}

/** What the binding is linked with. */
export const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/**
 * Looks at a TensorFlow that is already installed: in `where`, or where `python3` finds its own.
 *
 * @throws one line if there is none, or it is not one that can be used.
 */
export async function installedTensorFlow(where: string | true): Promise<InstalledTensorFlow> {
  const folder = where === true ? await pythonsOwn() : where;
  const missing = [...LIBRARIES, 'include/tensorflow/c/c_api.h'].find(file => !existsSync(join(folder, file)));
  if (missing !== undefined) {
    throw new Error(
      `${folder} is not a TensorFlow that can be used: it has no ${missing}. Name the folder "tensorflow" of a Python ` +
        'package of version 2.13 or later, or leave --tensorflow out to fetch one.',
    );
  }
  const real = await realpath(folder);
  return {folder: real, version: await versionOf(real)};
}

async function pythonsOwn(): Promise<string> {
  const python = findProgram('python3');
  const program =
    'import importlib.util as u; s = u.find_spec("tensorflow"); print(s.submodule_search_locations[0] if s else "")';
  // Not from this folder, where Python would take any folder of that name for it.
  const found = python && (await runCommand(python, ['-c', program], {cwd: '/'}));
  const folder = found ? found.stdout.trim() : '';
  if (folder === '') {
    throw new Error(
      `${python ?? 'python3'} has no TensorFlow: name its folder (--tensorflow .../site-packages/tensorflow), or leave ` +
        '--tensorflow out to fetch one',
    );
  }
  return folder;
}

/**
 * Whether a TensorFlow is known to be built without CUDA: only then it holds the note that says so. It is looked for in
 * the smaller of the libraries; false also where that cannot be read.
 */
export async function isBuiltWithoutCuda(folder: string): Promise<boolean> {
  const library = await readFile(join(folder, LIBRARIES[1]!)).catch(() => undefined);
  return library?.includes('TensorFlow was not compiled with CUDA') ?? false;
}

/** The version, as pip recorded it beside the folder, or as older headers have it. */
async function versionOf(folder: string): Promise<string> {
  const beside = dirname(folder);
  for (const name of await readdir(beside)) {
    if (!/^tensorflow(_cpu|_gpu)?-.*\.dist-info$/.test(name)) continue;
    const version = /^Version: (\S+)/m.exec(await readFile(join(beside, name, 'METADATA'), 'utf8'))?.[1];
    if (version !== undefined) return version;
  }
  const header = await readFile(join(folder, 'include/tensorflow/core/public/version.h'), 'utf8').catch(() => '');
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
    part => new RegExp(`define TF_${part}_VERSION (\\d+)`).exec(header)?.[1],
  );
  return parts.includes(undefined) ? 'unknown' : parts.join('.');
}
