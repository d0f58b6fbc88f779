#!/usr/bin/env node
// Measures the convolution kernels and a whole training step, beside PyTorch where one is found: see README.md.
import {availableParallelism, cpus} from 'node:os';
import {setTimeout} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {useBackend} from 'tfjs-ragan/node';
import {benchmarkFullSize, printFullSize} from './full-size.js';
import {benchmarkKernels} from './kernels.js';
import {median} from './median.js';
import {startPyTorch} from './pytorch.js';
import {tensorflowJsStep} from './step.js';

const HELP = `Usage: npm run bench -- [options]

Times the convolutions of an ESRGAN-lite training step, forward and both gradients, and the whole step, beside PyTorch
where TORCH_PYTHON or python3 has it. All figures are medians of samples taken in turn in one run.

  --backend NAME   auto, cuda, webgpu, tensorflow, wasm or cpu (default auto)
  --threads N      threads of the wasm backend and of PyTorch (default: the machine's cores)
  --rounds N       samples of each (default 10)
  --only PART      kernels, step or full: a step at the size of the published ESRGAN, its images per second and
                   peak memory (on a processor about a minute each and 10 GB, so there only if asked for)
  --json           print the figures as JSON
  --help           print this`;

const LAYOUTS = ['plain', 'channels_last'];

function readOptions() {
  const {values} = parseArgs({
    options: {
      backend: {type: 'string', default: 'auto'},
      threads: {type: 'string'},
      rounds: {type: 'string', default: '10'},
      only: {type: 'string'},
      json: {type: 'boolean', default: false},
      help: {type: 'boolean', default: false},
    },
  });
  for (const name of ['threads', 'rounds']) {
    if (values[name] !== undefined && !/^[1-9]\d*$/.test(values[name])) {
      throw new Error(`--${name} must be a whole number from 1, but it is ${values[name]}.`);
    }
  }
  if (values.only !== undefined && !['kernels', 'step', 'full'].includes(values.only)) {
    throw new Error(`--only must be kernels, step or full, but it is ${values.only}.`);
  }
  return {...values, threads: values.threads && Number(values.threads), rounds: Number(values.rounds)};
}

/** Medians of our step and of PyTorch's, sampled in turn so that whatever else the machine does hits them alike. */
async function benchmarkStep(rounds, threads) {
  const engines = {'tfjs-ragan': tensorflowJsStep()};
  const pytorch = await startPyTorch(threads);
  if (!pytorch.missing) {
    for (const layout of LAYOUTS) engines[`PyTorch, ${layout}`] = () => pytorch.step(layout);
  }
  const samples = Object.fromEntries(Object.keys(engines).map(name => [name, []]));
  const warmUp = 3;
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, step] of Object.entries(engines)) {
      // The threads of the one before go on looking for work for a while.
      await setTimeout(300);
      const milliseconds = await step();
      if (round >= 0) samples[name].push(milliseconds);
    }
  }
  pytorch.stop?.();
  const milliseconds = Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
  const {'tfjs-ragan': ours, ...theirs} = milliseconds;
  return pytorch.missing
    ? {milliseconds, withoutPyTorch: pytorch.missing}
    : {milliseconds, pytorchVersion: pytorch.version, timesPyTorch: ours / Math.min(...Object.values(theirs))};
}

function printKernels({batch, shapes, all}) {
  const row = (name, rates, times) =>
    [name.padEnd(34), ...Object.values(rates).map(rate => rate.toFixed(1).padStart(8)), String(times).padStart(6)].join(
      '',
    );
  console.log(`\nConvolutions, batch ${batch}, GFLOP/s    forward   input  filter  times`);
  for (const {size, kernel, stride, channelsIn, channelsOut, times, gflops} of shapes) {
    const strided = stride > 1 ? ` stride ${stride}` : '';
    console.log(row(`${size}x${size} ${kernel}x${kernel}${strided} ${channelsIn} to ${channelsOut}`, gflops, times));
  }
  console.log(row('all of the step', all, ''));
  const percent = name => `${((100 * all[name]) / all.forward).toFixed(0)} %`;
  console.log(`gradients at ${percent('input')} (input) and ${percent('filter')} (filter) of forward speed`);
}

function printStep({milliseconds, pytorchVersion, timesPyTorch, withoutPyTorch}) {
  console.log('\nESRGAN-lite step (batch 4, 16x16 to 64x64, value and Adam update of both networks)');
  for (const [name, value] of Object.entries(milliseconds))
    console.log(`${name.padEnd(34)}${value.toFixed(0).padStart(8)} ms`);
  if (withoutPyTorch)
    console.log(`No PyTorch to compare with (${withoutPyTorch}); bench/README.md says how to get one.`);
  else console.log(`${timesPyTorch.toFixed(2)} times the faster of PyTorch ${pytorchVersion}'s`);
}

async function main() {
  const options = readOptions();
  if (options.help) {
    console.log(HELP);
    return;
  }
  const {backend, reason, threads} = await useBackend(options.backend, {threads: options.threads});
  const cores = availableParallelism();
  const machine = `${cpus()[0]?.model ?? process.arch}, ${cores} cores, Node ${process.version}`;
  const result = {machine, backend, reason, threads};
  const say = options.json ? () => {} : console.log;
  say(`${machine}\n${backend}: ${reason}`);
  const wanted = part => (options.only ?? part) === part;
  if (wanted('kernels')) {
    result.kernels = await benchmarkKernels(options.rounds);
    if (!options.json) printKernels(result.kernels);
  }
  if (wanted('step')) {
    result.step = await benchmarkStep(options.rounds, options.threads ?? cores);
    if (!options.json) printStep(result.step);
  }
  // On a processor only if asked for: it takes minutes.
  if (options.only === 'full' || (backend === 'cuda' && wanted('full'))) {
    result.full = await benchmarkFullSize(options.rounds);
    if (!options.json) printFullSize(result.full);
  }
  if (options.json) console.log(JSON.stringify(result, null, 2));
}

main().catch(error => {
  console.error(error.message);
  process.exitCode = 2;
});
