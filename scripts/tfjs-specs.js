// Runs the specs that ship inside @tensorflow/tfjs-core on one backend, with this package's kernels.
//   node scripts/tfjs-specs.js [--backend wasm|cpu|webgpu|tensorflow|cuda] [--filter REGEXP] [--stock]
// The specs import the package's own files, so everything is bundled from the packages' ES modules: one engine for all.
// --stock leaves this package's gradients and kernels out; webgpu keeps what mends it. cuda refuses to run without a GPU.
// Says which specs it leaves out; ends with "N passed, N failed"; exits non-zero on a failure.
import {build} from 'esbuild';
import Jasmine from 'jasmine';
import {mkdtempSync, rmSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {parseArgs} from 'node:util';
import {placedPackage} from '../dist/esm/node/setup/placed-package.js';
import {setTensorFlowEnvironment} from '../dist/esm/node/backends/environment.js';

const {values: options} = parseArgs({
  options: {
    backend: {type: 'string', default: 'wasm'},
    filter: {type: 'string', default: 'grad'},
    stock: {type: 'boolean', default: false},
  },
});
const cuda = options.backend === 'cuda';
const backend = cuda ? 'tensorflow' : options.backend;

/** Specs that need not pass with this package's gradients and kernels, by their full name. */
const LEFT_OUT = [
  {
    spec: /^depthwiseConv2d gradients test-.* throws error on dilations > 1$/,
    reason: 'it asserts that there is no such gradient, which this package adds',
  },
  {
    spec: /^avgPool test-.* gradient x=\[3,3,1\] f=\[3,3\] s=1 p=explicit$/,
    reason: 'it expects each window divided by its whole size, where the forward pass divides by the part on the image',
  },
  {
    spec: /^gradients test-.* errors if relevant ops are missing grads$/,
    reason: 'it asserts that there is no gradient of logicalAnd, which this package adds',
  },
  {
    spec: /^mirrorPad test-.* (grad|gradient with clones)$/,
    reason: 'it expects what the reflections receive to be lost',
  },
];
const require = createRequire(import.meta.url);
// What `tfjs-ragan setup` put in place; its own start-up would load a second copy of TensorFlow.js.
const native = backend === 'tensorflow' ? await placedPackage() : undefined;
if (cuda && !native?.cuda) throw new Error('TensorFlow with CUDA is not set up: npx tfjs-ragan setup --cuda');
if (backend === 'tensorflow' && !native) throw new Error('TensorFlow is not set up: npx tfjs-ragan setup');
if (native) setTensorFlowEnvironment({});
const binding = native && require(join(native.folder, 'lib/napi-v8/tfjs_binding.node'));
if (cuda && !binding.isUsingGpuDevice()) throw new Error('TensorFlow uses no GPU: npx tfjs-ragan doctor says why');

const folder = mkdtempSync(join(tmpdir(), 'tfjs-specs-'));
const bundle = join(folder, 'specs.cjs');
const imports = native
  ? `import ${JSON.stringify(join(native.folder, 'dist/register_all_kernels.js'))};
     import {NodeJSKernelBackend} from ${JSON.stringify(join(native.folder, 'dist/nodejs_kernel_backend.js'))};`
  : 'const NodeJSKernelBackend = undefined;';
const entry = `
  ${imports}
  import * as tf from '@tensorflow/tfjs';
  import {setThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
  import {startWebGpu} from './src/node/backends/webgpu.ts';
  import {registerTensorFlowKernels} from './src/tensorflow/register.ts';
  import {registerTrainingKernels} from './src/wasm/index.ts';
  import {setTestEnvs} from '@tensorflow/tfjs-core/dist/jasmine_util';
  export async function load({backend, wasm, stock, name, binding}) {
    setWasmPaths(wasm);
    setThreadsCount(1);
    if (!stock) registerTrainingKernels();
    if (backend === 'webgpu') await startWebGpu({}, true);
    if (binding) tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, name));
    if (!(await tf.setBackend(backend))) throw new Error('no backend ' + backend);
    if (binding && !stock) registerTensorFlowKernels();
    // Without the short cut by which webgpu leaves small tensors to JavaScript.
    const flags = backend === 'webgpu' ? {WEBGPU_CPU_FORWARD: false} : {};
    setTestEnvs([{name: 'test-' + backend, backendName: backend, flags, isDataSync: backend !== 'webgpu'}]);
    require('@tensorflow/tfjs-core/dist/tests');
  }`;
await build({
  stdin: {contents: entry, resolveDir: '.', loader: 'ts'},
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  mainFields: ['module', 'main'],
  // The package says that its spec files have no side effects, but registering specs is one.
  ignoreAnnotations: true,
  plugins: [
    {
      name: 'the webgpu package stays outside, since it finds its library beside itself',
      setup: ({onResolve}) =>
        onResolve({filter: /^webgpu$/}, ({path}) => ({path: import.meta.resolve(path), external: true})),
    },
    {
      name: 'the native backend is an old class, which cannot call the constructor of a new one',
      setup: ({onLoad}) =>
        onLoad({filter: /nodejs_kernel_backend\.js$/}, async ({path}) => ({
          contents: (await readFile(path, 'utf8')).replace(
            '_super.call(this)',
            'Reflect.construct(_super, [], new.target)',
          ),
        })),
    },
  ],
  logLevel: 'error',
  define: {'import.meta.url': JSON.stringify(import.meta.url)},
});

const runner = new Jasmine();
runner.exitOnCompletion = false;
// As TensorFlow.js has it; on a new card the kernels are compiled inside the specs, for minutes.
runner.jasmine.DEFAULT_TIMEOUT_INTERVAL = cuda ? 1_200_000 : 20_000;
const wanted = new RegExp(options.filter, 'i');
const leftOut = new Map();
runner.env.configure({
  random: false,
  failSpecWithNoExpectations: false,
  specFilter(spec) {
    const name = spec.getFullName();
    if (!wanted.test(name)) return false;
    const found = options.stock ? undefined : LEFT_OUT.find(({spec}) => spec.test(name));
    if (found) leftOut.set(name, found.reason);
    return !found;
  },
});
runner.clearReporters();
let passed = 0;
let failed = 0;
runner.addReporter({
  specDone({status, fullName, failedExpectations}) {
    if (status === 'passed') passed++;
    if (status !== 'failed') return;
    failed++;
    console.log(`FAILED ${fullName}: ${failedExpectations[0]?.message.split('\n')[0].slice(0, 160)}`);
  },
});
// The specs warn of deprecations and of running in Node at length.
console.warn = () => undefined;
const wasm = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out') + '/';
await require(bundle).load({...options, backend, wasm, name: native?.name, binding});
await runner.execute();
rmSync(folder, {recursive: true, force: true});
for (const [name, reason] of leftOut) console.log(`LEFT OUT ${name}: ${reason}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
