import {accessSync, constants, statSync} from 'node:fs';
import {mkdir, statfs} from 'node:fs/promises';
import {delimiter, join} from 'node:path';
import {fileError} from '../system/files.js';
import {lastLine, runCommand} from './run-command.js';

/** The kind of machine this is. */
export interface System {
  platform: string;
  arch: string;
  /** The version of the GNU C library; absent on musl. */
  glibc?: string;
}

export function thisSystem(): System {
  const {header} = process.report.getReport() as unknown as {header: {glibcVersionRuntime?: string}};
  const glibc = header.glibcVersionRuntime;
  return {platform: process.platform, arch: process.arch, ...(glibc !== undefined && {glibc})};
}

/** @throws in one line, what is used instead: setup needs Linux on x86-64 with the GNU C library. */
export function requireSystem({platform, arch, glibc}: System = thisSystem()): void {
  const instead = 'Train with wasm here (the default, nothing to set up)';
  if (platform === 'darwin' || platform === 'win32') {
    const name = platform === 'darwin' ? 'macOS' : 'Windows';
    const linux = platform === 'win32' ? ', or run setup in WSL2' : '';
    throw new Error(
      `setup works on Linux only, and this is ${name}. ${instead}, try npm install @tensorflow/tfjs-node${linux}.`,
    );
  }
  if (platform !== 'linux') throw new Error(`setup works on Linux only, and this is ${platform}. ${instead}.`);
  if (arch !== 'x64') throw new Error(`setup works on x86-64 processors only, and this is ${arch}. ${instead}.`);
  if (glibc === undefined) {
    throw new Error(
      `setup needs a Linux with the GNU C library, and this one has another (musl, as in Alpine). ${instead}, ` +
        'or use an image such as node:22-bookworm.',
    );
  }
}

/** Makes the folder. @throws one line if it cannot be written or has less free space than `gigabytes`. */
export async function requireSpace(folder: string, gigabytes: number): Promise<void> {
  try {
    await mkdir(folder, {recursive: true});
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(`${fileError('write to', folder, error).message}; name another folder with --dir`, {cause: error});
  }
  const {bavail, bsize} = await statfs(folder);
  const free = (bavail * bsize) / 1e9;
  if (free < gigabytes) {
    throw new Error(
      `${folder} has ${free.toFixed(1)} GB of free disk space, and ${gigabytes} GB are needed: ` +
        'make room, or name a folder on another disk with --dir',
    );
  }
}

/** The Python that fetches. @throws one line if there is none, or none with pip. */
export async function requirePython(): Promise<string> {
  const python = findProgram('python3');
  if (python === undefined) {
    throw new Error('python3 was not found; install it with pip, as in: apt-get install python3-pip');
  }
  const pip = await runCommand(python, ['-m', 'pip', '--version'], {
    env: {...process.env, PYTHONDONTWRITEBYTECODE: '1'},
  });
  if (pip.status !== 0) {
    throw new Error(`${python} has no pip (${lastLine(pip)}); install it, as in: apt-get install python3-pip`);
  }
  return python;
}

/**
 * The C++ compiler: `$CXX`, which may have arguments ("ccache g++"), or the first of g++, c++ and clang++.
 *
 * @throws one line if there is none.
 */
export function requireCompiler(): string {
  const names = process.env.CXX ? [process.env.CXX] : ['g++', 'c++', 'clang++'];
  for (const name of names) {
    const [program, ...args] = commandOf(name);
    const file = findProgram(program!);
    if (file !== undefined) return [file, ...args].join(' ');
  }
  throw new Error(`no C++ compiler was found (${names.join(', ')}); install one, as in: apt-get install g++`);
}

/** A program and its arguments, written as one; the path of a program is one also with blanks in it. */
export function commandOf(text: string): string[] {
  return findProgram(text) === undefined ? text.trim().split(/\s+/) : [text];
}

/** @throws one line if npm is not there. */
export function requireNpm(): string {
  const npm = findProgram('npm');
  if (npm === undefined) throw new Error('npm was not found; it comes with Node: https://nodejs.org');
  return npm;
}

/** The file of a program on the PATH. */
export function findProgram(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(delimiter).map(dir => join(dir, name));
  return candidates.find(file => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}
