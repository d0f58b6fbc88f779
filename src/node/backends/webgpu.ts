import * as tf from '@tensorflow/tfjs';
import {registerWebGpuKernels} from '../../webgpu/register.js';
import type {BackendOptions, StartedBackend} from './options.js';
import {mayHaveGraphicsDevice} from './graphics-device.js';

const INSTALL = 'npm install webgpu@0.6.2 @tensorflow/tfjs-backend-webgpu';

/** Rasterisers that offer WebGPU on the processor: Mesa's lavapipe, Chromium's SwiftShader, Windows' WARP. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|microsoft basic render/i;

/** What is used of a WebGPU adapter, device and TensorFlow.js's backend on it. */
interface Adapter {
  info: {vendor: string; architecture: string; device: string; description: string; isFallbackAdapter?: boolean};
}
interface Device {
  addEventListener(type: 'uncapturederror', listener: (event: {error: {message: string}}) => void): void;
  lost: Promise<{reason: string; message: string}>;
}
interface WebGpuBackend extends tf.KernelBackend {
  device: Device;
  tensorMap: {get(dataId: object): {values?: tf.backend_util.BackendValues}};
  runWebGPUProgram(...values: unknown[]): tf.TensorInfo;
}

/**
 * Starts WebGPU through the `webgpu` package, Chromium's implementation for Node.
 *
 * An adapter that is software is taken only if WebGPU was asked for by name, and named as such. From then on an error of
 * the GPU, which WebGPU reports beside the program's own flow, is thrown by the next operation or read.
 */
export async function startWebGpu(_: BackendOptions, byName: boolean): Promise<StartedBackend> {
  // Where only software can be found `auto` does not look, because the package prints warnings when it does.
  if (!byName && !mayHaveGraphicsDevice()) throw new Error('There is no GPU here.');
  const {name, software} = await findAdapter();
  if (software && !byName) {
    throw new Error(`The only WebGPU adapter is ${name}, which is software: ask for webgpu by name to use it.`);
  }
  await load('@tensorflow/tfjs-backend-webgpu', () => import('@tensorflow/tfjs-backend-webgpu'));
  registerWebGpuKernels();
  if (!('webgpu' in tf.engine().registry)) tf.engine().registry.webgpu = await create(name);
  if (!(await tf.setBackend('webgpu'))) throw new Error(`WebGPU on ${name} cannot be made the active backend.`);
  return software
    ? {reason: `WebGPU on ${name}, software that runs on the processor and that auto passes over`, software}
    : {reason: `WebGPU on ${name}`};
}

async function findAdapter(): Promise<{name: string; software: boolean}> {
  const adapter = await (await webGpu()).requestAdapter({powerPreference: 'high-performance'});
  if (!adapter) {
    throw new Error(
      'No WebGPU adapter was found. It needs a GPU and its driver with Vulkan (Linux), Metal (macOS) or Direct3D 12 ' +
        '(Windows); in a container, the driver inside it too. For tests without a GPU, Mesa 25 or later will do.',
    );
  }
  const {vendor, architecture, device, description, isFallbackAdapter} = adapter.info;
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ') || 'an unnamed adapter';
  return {name, software: isFallbackAdapter === true || SOFTWARE.test(`${device} ${description} ${architecture}`)};
}

interface Gpu {
  requestAdapter(options: object): Promise<Adapter | null>;
}

/** `navigator.gpu`, put there if need be: TensorFlow.js's backend looks for it once, when it is imported. */
async function webGpu(): Promise<Gpu> {
  const scope = globalThis as {navigator?: {gpu?: Gpu}};
  if (scope.navigator?.gpu) return scope.navigator.gpu;
  const {create, globals} = await load('webgpu', () => import('webgpu'));
  // GPUBufferUsage and its like, which the backend expects as it finds them in a browser.
  Object.assign(globalThis, globals);
  const gpu = create([]) as unknown as Gpu;
  // Node 20 has no navigator; later ones have one that takes further properties.
  if (!scope.navigator) Object.defineProperty(globalThis, 'navigator', {value: {}, configurable: true});
  Object.defineProperty(scope.navigator, 'gpu', {value: gpu, configurable: true});
  return gpu;
}

async function load<T>(name: string, importIt: () => Promise<T>): Promise<T> {
  try {
    return await importIt();
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException;
    const missing = /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') && message.includes(`'${name}'`);
    const problem = missing ? 'is not installed' : `is installed but cannot be loaded (${message.split('\n', 1)[0]})`;
    throw new Error(`${name} ${problem}: ${INSTALL}.`, {cause: error});
  }
}

/** Calls the backend's factory itself, because `tf.setBackend` hides the error of one that fails. */
async function create(name: string): Promise<tf.KernelBackend> {
  try {
    const backend = (await tf.findBackendFactory('webgpu')()) as WebGpuBackend;
    throwErrors(backend, name);
    refuseSynchronousReads(backend);
    return backend;
  } catch (error) {
    throw new Error(`WebGPU on ${name} does not start: ${(error as Error).message}.`, {cause: error});
  }
}

/** Makes the operation or read after an error of the GPU throw it. */
function throwErrors(backend: WebGpuBackend, name: string): void {
  let failure: Error | undefined;
  const fail = (text: string) => {
    failure ??= new Error(`The GPU failed (${name}), and what it computed since is void: ${text.trim()}`);
  };
  const check = () => {
    if (failure) throw failure;
  };
  backend.device.addEventListener('uncapturederror', ({error}) => fail(error.message));
  void backend.device.lost.then(({reason, message}) => fail(`the device was lost (${reason}): ${message}`));
  const run = backend.runWebGPUProgram.bind(backend);
  backend.runWebGPUProgram = (...values) => {
    check();
    return run(...values);
  };
  const read = backend.read.bind(backend);
  backend.read = async dataId => {
    check();
    try {
      return await read(dataId);
    } finally {
      // Sooner than the error of a read that came to nothing because of it.
      check();
    }
  };
}

/** Says what to do instead of a synchronous read, which needs a browser's canvas. */
function refuseSynchronousReads(backend: WebGpuBackend): void {
  const read = backend.readSync.bind(backend);
  backend.readSync = dataId => {
    if (backend.tensorMap.get(dataId).values) return read(dataId);
    throw new Error('webgpu in Node cannot read synchronously: use await tensor.data() or array(), not dataSync().');
  };
}
