#!/usr/bin/env node
// Measures the convolution kernels and a whole training step, beside PyTorch where one is found: see README.md.
import {availableParallelism, cpus} from 'node:os';
import {parseArgs} from 'node:util';
import {useBackend} from 'tfjs-ragan/node';
import {benchmarkFullSize, printFullSize} from './full-size.js';
import {benchmarkKernels} from './kernels.js';
import {benchmarkStep, SIZES} from './steps.js';

const HELP = `Usage: tfjs-ragan bench [options], or in a clone npm run bench -- [options]

Times a whole ESRGAN training step in each way that it can be run, beside PyTorch where TORCH_PYTHON or python3 has it,
with the peak memory of each, and the convolutions of the small one, forward and both gradients. All times are medians
of samples taken in turn in one run.

  --backend NAME   auto, cuda, webgpu, tensorflow, wasm or cpu (default auto)
  --threads N      threads of each engine (default: the machine's cores)
  --rounds N       samples of each (default 10)
  --only PART      step, kernels or full: a step at the size of the published ESRGAN, its images per second and
                   peak memory (on a processor about a minute each and 10 GB, so there only if asked for)
  --size NAME      the generator of the step: lite, medium or full (default lite)
  --batch N,...    the step's batch sizes (default 4)
  --json           print the figures as JSON
  --help           print this`;

function readOptions() {
  const {values} = parseArgs({
    options: {
      backend: {type: 'string', default: 'auto'},
      threads: {type: 'string'},
      rounds: {type: 'string', default: '10'},
      only: {type: 'string'},
      size: {type: 'string', default: 'lite'},
      batch: {type: 'string', default: '4'},
      json: {type: 'boolean', default: false},
      help: {type: 'boolean', default: false},
    },
  });
  if (values.only !== undefined && !['step', 'kernels', 'full'].includes(values.only)) {
    throw new Error(`--only must be step, kernels or full, but it is ${values.only}.`);
  }
  if (!Object.hasOwn(SIZES, values.size)) {
    throw new Error(`--size must be one of ${Object.keys(SIZES).join(', ')}, but it is ${values.size}.`);
  }
  const whole = (name, text) => {
    if (/^[1-9]\d*$/.test(text)) return Number(text);
    throw new Error(`--${name} must be a whole number from 1, but it is ${JSON.stringify(text)}.`);
  };
  return {
    ...values,
    threads: values.threads === undefined ? undefined : whole('threads', values.threads),
    rounds: whole('rounds', values.rounds),
    batches: values.batch.split(',').map(text => whole('batch', text)),
  };
}

function printKernels({backend, reason, batch, shapes, all}) {
  const row = (name, rates, times) =>
    [name.padEnd(34), ...Object.values(rates).map(rate => rate.toFixed(1).padStart(8)), String(times).padStart(6)].join(
      '',
    );
  console.log(`\nConvolutions on ${backend}: ${reason}`);
  console.log(`${`batch ${batch}, GFLOP/s`.padEnd(34)} forward   input  filter  times`);
  for (const {size, kernel, stride, channelsIn, channelsOut, times, gflops} of shapes) {
    const strided = stride > 1 ? ` stride ${stride}` : '';
    console.log(row(`${size}x${size} ${kernel}x${kernel}${strided} ${channelsIn} to ${channelsOut}`, gflops, times));
  }
  console.log(row('all of the step', all, ''));
  const percent = name => `${((100 * all[name]) / all.forward).toFixed(0)} %`;
  console.log(`gradients at ${percent('input')} (input) and ${percent('filter')} (filter) of forward speed`);
}

function printStep({batch, generator, backend, reason, pytorchVersion, engines, missing}) {
  const {filters, growth, blocks} = generator;
  console.log(`\nESRGAN step on ${backend}: ${reason}`);
  console.log(`batch ${batch}, 16x16 to 64x64, generator with ${filters} filters, growth ${growth}, ${blocks} blocks`);
  const row = (name, ...cells) => console.log(name.padEnd(34) + cells.map(cell => cell.padStart(12)).join(''));
  row('', 'ms', 'peak MB', ...(pytorchVersion ? ['of PyTorch'] : []));
  for (const {name, milliseconds, peakMegabytes, timesPyTorch} of engines) {
    row(name, milliseconds.toFixed(0), peakMegabytes.toFixed(0), ...(timesPyTorch ? [timesPyTorch.toFixed(2)] : []));
  }
  for (const [name, why] of Object.entries(missing)) console.log(`${name}: ${why}`);
  const note = pytorchVersion
    ? `of PyTorch: in multiples of the faster of PyTorch ${pytorchVersion}'s two`
    : 'bench/README.md says how to get PyTorch.';
  console.log(note);
}

async function main() {
  const options = readOptions();
  if (options.help) {
    console.log(HELP);
    return;
  }
  const {backend, threads, rounds, size, batches} = options;
  const machine = `${cpus()[0]?.model ?? process.arch}, ${availableParallelism()} cores, Node ${process.version}`;
  const result = {machine};
  if (!options.json) console.log(machine);
  // The steps come first: on Linux a process starts out with the peak memory of the one that started it.
  const wanted = part => (options.only ?? part) === part;
  if (wanted('step')) {
    result.steps = [];
    for (const batch of batches) {
      const step = await benchmarkStep({backend, threads, batch, generator: SIZES[size]}, rounds);
      result.steps.push(step);
      if (!options.json) printStep(step);
    }
  }
  const chosen = options.only === 'step' ? {} : await useBackend(backend, {threads});
  if (wanted('kernels')) {
    result.kernels = {...chosen, ...(await benchmarkKernels(rounds))};
    if (!options.json) printKernels(result.kernels);
  }
  // On a processor only if asked for: it takes minutes.
  if (options.only === 'full' || (chosen.backend === 'cuda' && wanted('full'))) {
    result.full = await benchmarkFullSize(rounds, chosen);
    if (!options.json) printFullSize(result.full);
  }
  if (options.json) console.log(JSON.stringify(result, null, 2));
}

// Whoever reads the figures may leave, as head does.
process.stderr.on('error', () => process.exit(141));
process.stdout.on('error', error => {
  if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(141);
  console.error(error.message);
  process.exit(2);
});

main().catch(error => {
  console.error(error.message);
  process.exitCode = 2;
});
