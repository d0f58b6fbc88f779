import {readdir, rm} from 'node:fs/promises';
import {join, relative} from 'node:path';

/** The parts of TensorFlow's headers that its C interface includes, over all versions. */
const HEADERS = ['tensorflow/c', 'tensorflow/core/platform', 'tsl/c', 'tsl/platform', 'xla/tsl/c'];

/** What is kept of what pip installs: libraries, C headers, the CUDA assembler with its bitcode, and the version. */
function isKept(path: string): boolean {
  if (path.startsWith('nvidia/')) return /\.so(\.[\d.]+)?$|^nvidia\/cuda_nvcc\/(bin|nvvm)\//.test(path);
  if (/^tensorflow(_cpu)?-[^/]*\.dist-info\/METADATA$/.test(path)) return true;
  if (/^tensorflow\/lib[^/]*\.so(\.[\d.]+)?$/.test(path)) return true;
  return HEADERS.some(part => path.startsWith(`tensorflow/include/${part}/`) && path.endsWith('.h')) || isLicence(path);
}

function isLicence(path: string): boolean {
  return /\/(LICEN[CS]E|THIRD_PARTY_NOTICES|NOTICE)[^/]*$/i.test(path);
}

/** Removes everything from a folder that pip filled except what is needed to compile and run. */
export async function keepLibraries(folder: string): Promise<void> {
  await prune(folder, folder);
}

/** Removes what is not kept below `folder`; says whether anything is left. */
async function prune(root: string, folder: string): Promise<boolean> {
  let left = false;
  for (const entry of await readdir(folder, {withFileTypes: true})) {
    const path = join(folder, entry.name);
    const stays = entry.isDirectory() ? await prune(root, path) : isKept(relative(root, path));
    if (stays) left = true;
    else await rm(path, {recursive: true, force: true});
  }
  return left;
}
