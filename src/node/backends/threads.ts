import * as tf from '@tensorflow/tfjs';
import os from 'node:os';

/** The threaded build of the wasm backend starts with 8 workers and makes no use of more threads. */
export const MAX_WASM_THREADS = 8;

/** The glue code that the wasm package builds its workers from. */
const GLUE = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd';

interface NodeWorker {
  unref(): void;
}

/** Emscripten's own book-keeping of the threads, on the module of a threaded backend. */
interface ThreadedBackend extends tf.KernelBackend {
  wasm: {PThread: {runningWorkers: NodeWorker[]; unusedWorkers: NodeWorker[]}};
}

/**
 * Runs `create`, which must create TensorFlow.js's wasm backend, so that the backend comes up with `threads` threads
 * (2 to 8), which it refuses in Node by itself (https://github.com/tensorflow/tfjs/issues/3830).
 *
 * Three things stand in its way: a flag that is always false in Node; workers that are started from a Blob's URL, which
 * Node cannot do; and a count of the cores that the backend halves. All three are supplied while `create` runs and put
 * back when it is done. Afterwards the workers do not keep the process alive.
 *
 * @throws what `create` throws, or an error if the wasm package has no threaded build.
 */
export async function withWasmThreads(
  threads: number,
  create: () => Promise<tf.KernelBackend>,
): Promise<tf.KernelBackend> {
  const workerUrl = await workerScript();
  const restore = [
    replace(URL, 'createObjectURL', original => blob => {
      // The URL is handed on, unread, to Node's Worker, which takes data: URLs as objects only.
      return (blob as Blob).type === 'application/javascript' ? (workerUrl as unknown as string) : original(blob);
    }),
    replace(os, 'cpus', original => () => {
      const [core] = original();
      return core ? Array<os.CpuInfo>(2 * threads).fill(core) : [];
    }),
    // Emscripten leaves Node's Worker in the global scope, where other libraries take it for a browser's.
    replace(globalThis as {Worker?: unknown}, 'Worker', original => original),
  ];
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true);
  try {
    const backend = await create();
    const {runningWorkers, unusedWorkers} = (backend as ThreadedBackend).wasm.PThread;
    for (const worker of [...runningWorkers, ...unusedWorkers]) worker.unref();
    return backend;
  } finally {
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    for (const putBack of restore) putBack();
  }
}

/**
 * The program of one worker, as a data: URL, so that no file has to be written or found: the package's own bootstrap
 * code, which expects CommonJS, and the factory of the wasm module, which it would otherwise load from a file.
 */
async function workerScript(): Promise<URL> {
  const bootstrap = (await import(`${GLUE}.worker.js`)) as {wasmWorkerContents?: string};
  const glue = (await import(`${GLUE}.js`)) as {default?: unknown};
  if (!bootstrap.wasmWorkerContents || typeof glue.default !== 'function') {
    throw new Error('this version of @tensorflow/tfjs-backend-wasm has no threaded build for Node');
  }
  const factory = `globalThis.WasmBackendModuleThreadedSimd = ${glue.default.toString()}`;
  const script = [
    `import {createRequire} from 'node:module';`,
    `const require = createRequire(${JSON.stringify(process.execPath)});`, // only built-in modules are required
    `const __filename = '';`,
    bootstrap.wasmWorkerContents.replace(/\n/g, '\\n'), // its string literals hold bare line ends, as the backend knows
    `globalThis.importScripts = () => {};`,
    `Object.assign(globalThis, {__dirname: '', _scriptDir: ''});`,
    `(0, eval)(${JSON.stringify(factory)});`, // not as part of this module, whose strict mode it was not written for
  ].join('\n');
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`);
}

/** Replaces `owner[name]` and returns what puts it back, as it was: absent if it was absent. */
function replace<T extends object, K extends keyof T>(owner: T, name: K, make: (original: T[K]) => T[K]): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  if (descriptor) Object.defineProperty(owner, name, {...descriptor, value: make(owner[name])});
  return () => {
    if (descriptor) Object.defineProperty(owner, name, descriptor);
    else Reflect.deleteProperty(owner, name);
  };
}
