import {mkdir, readFile, readdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {packageFolder} from './package-folder.cjs';
import type {CommandResult} from './run-command.js';
import {lastLine, runCommand} from './run-command.js';

/**
 * The wheels asked for: one Python, whichever is here, since only their libraries are used. pip takes the oldest
 * system that a wheel runs on by name.
 */
const WHEELS = [
  ...['--only-binary', ':all:', '--python-version', '3.11', '--implementation', 'cp'],
  ...['--abi', 'cp311', '--abi', 'abi3', '--abi', 'none'],
  ...['2_28', '2_27', '2_25', '2_17', '2014', '2010', '1'].flatMap(tag => [
    '--platform',
    `manylinux${tag.includes('_') ? '_' : ''}${tag}_x86_64`,
  ]),
];

export interface FetchOptions {
  python: string;
  cuda: boolean;
  /** Another version than the pinned one. */
  version?: string | undefined;
  onProgress: (line: string) => void;
}

/** The version of TensorFlow that this package pins. */
export async function pinnedVersion(cuda: boolean): Promise<string> {
  return /^tensorflow(?:-cpu)?==(\S+)/m.exec(await readFile(requirementsFile(cuda), 'utf8'))![1]!;
}

/**
 * Fetches TensorFlow with pip into a new folder, as pip's `--target` lays it out: `tensorflow` and, for CUDA, `nvidia`.
 * The pinned version is checked against the hashes that come with this package, another one against the index's.
 *
 * @throws one line that tells a network that cannot be reached from a version that does not exist.
 */
export async function fetchTensorFlow(folder: string, options: FetchOptions): Promise<void> {
  const {cuda, version} = options;
  await mkdir(folder, {recursive: true});
  const wheel = `${cuda ? 'tensorflow' : 'tensorflow-cpu'}==${version ?? (await pinnedVersion(cuda))}`;
  if (version === undefined) {
    await install(folder, ['--require-hashes', '-r', requirementsFile(cuda)], wheel, options);
  } else {
    await install(folder, [wheel], wheel, options);
    if (!cuda) return;
    const libraries = join(folder, 'libraries.txt');
    await writeFile(libraries, (await cudaLibraries(folder)).join('\n') + '\n');
    await install(folder, ['-r', libraries], `what ${wheel} needs for CUDA`, options);
  }
}

function requirementsFile(cuda: boolean): string {
  return join(packageFolder(), 'native', `requirements-${cuda ? 'cuda' : 'cpu'}.txt`);
}

async function install(
  folder: string,
  args: string[],
  what: string,
  {python, onProgress}: FetchOptions,
): Promise<void> {
  const temporary = join(folder, 'pip');
  await mkdir(temporary, {recursive: true});
  const result = await runCommand(
    python,
    ['-m', 'pip', 'install', '--no-deps', '--no-compile', '--no-cache-dir', '--target', folder, ...WHEELS, ...args],
    {
      env: {
        ...process.env,
        // So that an interrupted run leaves nothing elsewhere.
        TMPDIR: temporary,
        PYTHONDONTWRITEBYTECODE: '1',
        // Neither goes with --target.
        PIP_REQUIRE_VIRTUALENV: '0',
        PIP_USER: '0',
        PIP_DISABLE_PIP_VERSION_CHECK: '1',
        // With none pip does not say that it could not connect.
        ...(process.env.PIP_RETRIES === '0' && {PIP_RETRIES: '1'}),
      },
      shareStdout: process.stdout.isTTY,
      onLine: line => {
        if (/^\s*(Downloading|Installing)/.test(line)) onProgress(line.trim());
      },
    },
  );
  if (result.status !== 0) throw new Error(whyNotFetched(result, what));
}

/** Says what kept pip from fetching, and what to do. */
export function whyNotFetched(result: CommandResult, what: string): string {
  const {stderr} = result;
  if (
    /NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Network is unreachable/.test(
      stderr,
    )
  ) {
    return (
      'pip cannot reach the package index: check the network and pip config (index-url, proxy), or use a TensorFlow ' +
      'that is already installed with --tensorflow'
    );
  }
  if (stderr.includes('DO NOT MATCH THE HASHES')) {
    return 'what pip fetched is not what this package was tested with (its hash differs): try again, and if it stays so, another index';
  }
  const versions = /\(from versions: ([^)]*)\)/.exec(stderr)?.[1];
  if (versions !== undefined) {
    const known = versions === 'none' ? 'none for this kind of machine' : versions;
    return `the package index has no ${what}; it has: ${known}`;
  }
  if (stderr.includes('No space left on device')) {
    return 'no space is left on the disk: make room, or name a folder on another disk with --dir';
  }
  return `pip failed: ${lastLine(result)}`;
}

/** The packages that TensorFlow's extra `and-cuda` names, as pip spells requirements. */
async function cudaLibraries(folder: string): Promise<string[]> {
  const info = (await readdir(folder)).find(name => /^tensorflow-.*\.dist-info$/.test(name))!;
  const metadata = await readFile(join(folder, info, 'METADATA'), 'utf8');
  const libraries = [...metadata.matchAll(/^Requires-Dist: (nvidia-\S+).*extra == .and-cuda./gm)].map(match =>
    match[1]!.replace(/;$/, ''),
  );
  if (libraries.length === 0)
    throw new Error('this version of TensorFlow does not name its CUDA libraries: take 2.14 or later');
  return libraries;
}
