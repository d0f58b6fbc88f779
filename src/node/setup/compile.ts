import {createHash} from 'node:crypto';
import {mkdir, readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {LIBRARIES} from './installed-tensorflow.js';
import {packageFolder} from './package-folder.cjs';
import {runCommand} from './run-command.js';
import {commandOf} from './system.js';

/** The compiled files inside the npm package: where it looks for its binding, and the quiet loader beside it. */
export const BINDING = 'lib/napi-v8/tfjs_binding.node';
export const QUIET_LOADER = 'lib/napi-v8/load_quietly.node';

const source = (name: string) => join(packageFolder(), 'native', name);

/** The sources beside the npm package's own, and what they include. */
export const SOURCES = [
  'session_options.cc',
  'winograd_ops.cc',
  'winograd.h',
  'winograd_kernels.h',
  'workers.h',
  'load_quietly.cc',
];

/** Tells what was compiled from these sources from what another version of them gave. */
export async function sourcesDigest(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of SOURCES) hash.update(await readFile(source(name)));
  return hash.digest('hex').slice(0, 8);
}

/**
 * Compiles the npm package's own binding, unchanged, against a TensorFlow, into the npm package's folder, with
 * `session_options.cc` for the options of its sessions and `winograd_ops.cc` for ops that captured steps use.
 *
 * @param npmFolder the folder of `@tensorflow/tfjs-node` or `-gpu`.
 * @param tensorflow the folder with TensorFlow's libraries and headers; it must stay where it is.
 * @throws one line: what the compiler or the linker says first.
 */
export async function compileBinding(compiler: string, npmFolder: string, tensorflow: string): Promise<void> {
  const shared = ['-O2', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8', `-I${nodeHeaders()}`];
  const runPath = ['-Xlinker', '-rpath', '-Xlinker', tensorflow];
  await mkdir(dirname(join(npmFolder, BINDING)), {recursive: true});
  await compile(compiler, npmFolder, [
    ...shared,
    `-I${join(tensorflow, 'include')}`,
    ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', source('session_options.cc'), source('winograd_ops.cc')],
    ...['-pthread', '-Xlinker', '--wrap=TF_NewSessionOptions'],
    `-L${tensorflow}`,
    ...LIBRARIES.map(name => `-l:${name}`),
    ...runPath,
    ...['-o', BINDING],
  ]);
  await compile(compiler, npmFolder, [...shared, source('load_quietly.cc'), ...runPath, '-ldl', '-o', QUIET_LOADER]);
}

async function compile(compiler: string, folder: string, args: string[]): Promise<void> {
  const [program, ...itsArgs] = commandOf(compiler);
  // Its temporary files stay in the folder, which is itself temporary.
  const env = {...process.env, TMPDIR: folder};
  const {status, stderr} = await runCommand(program!, [...itsArgs, ...args], {cwd: folder, env});
  if (status === 0) return;
  const lines = stderr.split('\n').filter(line => line.trim() !== '');
  const first = lines.find(line => /error|cannot|not found/i.test(line)) ?? lines[0] ?? `exit status ${status}`;
  throw new Error(
    `the binding does not compile with ${compiler}: ${first.trim()}. Another compiler can be named in $CXX; it must know C++17.`,
  );
}

/** The headers of Node's C interface, from the npm package that holds nothing else. */
function nodeHeaders(): string {
  const require = createRequire(join(packageFolder(), 'package.json'));
  return (require('node-api-headers') as {include_dir: string}).include_dir;
}
