import {homedir} from 'node:os';
import {join, resolve} from 'node:path';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';

/** What `setUpTensorFlow` sets up, and where. */
export interface SetUpOptions {
  /** TensorFlow with CUDA 12 for NVIDIA GPUs. Default: false, TensorFlow for the CPU. */
  cuda?: boolean;
  /** The folder that keeps what is fetched, for all projects. Default: `tfjs-ragan` in the user's cache. */
  folder?: string;
  /**
   * Use a TensorFlow that is already installed instead of fetching one: its folder (`.../site-packages/tensorflow`), or
   * `true` for the one that `python3` imports.
   */
  tensorflow?: string | true;
  /** Fetch this version of TensorFlow, as "2.20.0". Default: the version this package was tested with, by its hashes. */
  version?: string;
  /** Told what is being done, line by line. In a terminal pip then draws its own progress bar. Default: silence. */
  onProgress?: (line: string) => void;
}

const SET_UP_OPTIONS: OptionNames<SetUpOptions> = {
  cuda: true,
  folder: true,
  tensorflow: true,
  version: true,
  onProgress: true,
};

/** The folder that keeps what is fetched where none is named: `$XDG_CACHE_HOME/tfjs-ragan`, or in `~/.cache`. */
export function privateFolder(folder?: string): string {
  if (folder !== undefined) return resolve(folder);
  const cache = process.env.XDG_CACHE_HOME ?? '';
  return join(cache === '' ? join(homedir(), '.cache') : cache, 'tfjs-ragan');
}

/** The npm package whose binding is compiled; the two differ only in what they say of themselves. */
export function npmPackage(cuda: boolean): string {
  return cuda ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
}

/** Its version, the last there is. */
export const NPM_PACKAGE_VERSION = '4.22.0';

/** @throws what is wrong with the options, in one line. */
export function requireOptions(options: SetUpOptions): void {
  requireKnownOptions('setUpTensorFlow', options, SET_UP_OPTIONS);
  const {tensorflow, version} = options;
  if (version !== undefined && !/^\d+\.\d+\.\d+[\w.]*$/.test(version)) {
    throw new Error(`the version of TensorFlow must be given as in 2.21.0, but it is ${JSON.stringify(version)}`);
  }
  if (version !== undefined && tensorflow !== undefined) {
    throw new Error('choose one: a version of TensorFlow to fetch, or a TensorFlow that is already installed');
  }
}
