// Megapixels that are enlarged per second, by this package, UpscalerJS, PyTorch and onnxruntime. Usage:
// node bench/enlarge.js --help
import {mkdtempSync, rmSync} from 'node:fs';
import {availableParallelism, cpus, tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {esrganGenerator} from 'tfjs-ragan';
import {loadDefaultModel, saveModel, useBackend} from 'tfjs-ragan/node';
import {startEngine} from './engine.js';
import {median} from './median.js';

/** The networks by name, with the picture's side unless `--pixels` says another: the larger one takes 30 times as long. */
const MODELS = {
  box: {title: 'the model in the box', filters: 32, growth: 16, blocks: 2, pixels: 512},
  published: {title: 'an ESRGAN of the published size', filters: 64, growth: 32, blocks: 23, pixels: 128},
};

/** For so long the threads of the engine before go on looking for work. */
const SETTLING_MILLISECONDS = 300;

const HELP = `usage: node bench/enlarge.js [options]

Enlarges a square picture four times by each network and each program, and prints the megapixels of the large picture
per second: medians of samples taken in turn in one run. UpscalerJS has the same weights and is used where it is installed
(npm install upscaler), PyTorch where TORCH_PYTHON or python3 has it, onnxruntime where ONNXRUNTIME_PYTHON or python3 has it.

  --model NAMES     box: the model in the box; published: an ESRGAN of the published size (default box,published)
  --backend NAMES   default wasm,tensorflow
  --pixels N        the small picture's sides (default 512 for box, 128 for published)
  --threads N       threads of each program (default: the machine's cores)
  --rounds N        samples of each (default 5)
  --json            print the figures as JSON
  --help            print this`;

function readOptions() {
  const {values} = parseArgs({
    options: {
      model: {type: 'string', default: Object.keys(MODELS).join()},
      backend: {type: 'string', default: 'wasm,tensorflow'},
      pixels: {type: 'string'},
      threads: {type: 'string', default: String(availableParallelism())},
      rounds: {type: 'string', default: '5'},
      json: {type: 'boolean', default: false},
      help: {type: 'boolean', default: false},
    },
  });
  const whole = name => {
    if (/^[1-9]\d*$/.test(values[name])) return Number(values[name]);
    throw new Error(`--${name} must be a whole number from 1, but it is ${JSON.stringify(values[name])}.`);
  };
  const models = values.model.split(',');
  const unknown = models.find(name => !Object.hasOwn(MODELS, name));
  if (unknown !== undefined) throw new Error(`--model must be of ${Object.keys(MODELS).join()}, but it is ${unknown}.`);
  return {
    ...values,
    models,
    backends: values.backend.split(','),
    pixels: values.pixels === undefined ? undefined : whole('pixels'),
    threads: whole('threads'),
    rounds: whole('rounds'),
  };
}

/** Every program as a function that starts it. */
function programs(settings, backends) {
  const here = name => fileURLToPath(new URL(name, import.meta.url));
  const node = (backend, way) =>
    startEngine(process.execPath, [here('enlarge-engine.js'), JSON.stringify({...settings, backend, way})]);
  const python = (command, engine) =>
    startEngine(command ?? 'python3', [here('enlarge_engine.py'), JSON.stringify({...settings, ...engine})]);
  const ofBackend = backend => ({
    [`upscale, ${backend}`]: () => node(backend, 'upscale'),
    ...(backend === 'tensorflow' && {[`upscale, ${backend}, op by op`]: () => node(backend, 'op by op')}),
    [`UpscalerJS, ${backend}`]: () => node(backend, 'upscalerjs'),
  });
  const {TORCH_PYTHON, ONNXRUNTIME_PYTHON} = process.env;
  return Object.assign({}, ...backends.map(ofBackend), {
    'PyTorch, plain': () => python(TORCH_PYTHON, {engine: 'pytorch', layout: 'plain'}),
    'PyTorch, channels_last': () => python(TORCH_PYTHON, {engine: 'pytorch', layout: 'channels_last'}),
    onnxruntime: () => python(ONNXRUNTIME_PYTHON, {engine: 'onnxruntime'}),
  });
}

/** The median time and the peak memory of each program that there is, sampled in turn, and why the others are missing. */
async function measure(settings, {backends, rounds}) {
  const engines = [];
  const missing = {};
  try {
    for (const [name, start] of Object.entries(programs(settings, backends))) {
      const engine = await start().catch(error => void (missing[name] = error.message));
      if (engine) engines.push({name, ...engine, times: [], peakMegabytes: 0});
    }
    for (let round = 0; round < rounds; round++) {
      for (const engine of engines) {
        await setTimeout(SETTLING_MILLISECONDS);
        const {milliseconds, peakMegabytes} = await engine.step();
        engine.times.push(milliseconds);
        engine.peakMegabytes = peakMegabytes;
      }
    }
  } finally {
    await Promise.all(engines.map(engine => engine.stop()));
  }
  const megapixels = (4 * settings.pixels) ** 2 / 1e6;
  const rows = engines.map(({name, times, peakMegabytes}) => {
    const milliseconds = median(times);
    return {name, milliseconds, megapixelsPerSecond: (1000 * megapixels) / milliseconds, peakMegabytes};
  });
  return {pixels: settings.pixels, threads: settings.threads, programs: rows, missing};
}

function print({title, pixels, threads, programs: rows, missing}) {
  console.log(`\n${title}, ${pixels} x ${pixels} to ${4 * pixels} x ${4 * pixels} pixels, ${threads} threads`);
  const row = (name, ...cells) => console.log(name.padEnd(32) + cells.map(cell => cell.padStart(14)).join(''));
  row('', 'ms', 'megapixels/s', 'peak MB');
  for (const {name, milliseconds, megapixelsPerSecond, peakMegabytes} of rows) {
    row(name, milliseconds.toFixed(0), megapixelsPerSecond.toPrecision(3), peakMegabytes.toFixed(0));
  }
  for (const [name, why] of Object.entries(missing)) console.log(`${name}: ${why}`);
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(HELP);
  const machine = `${cpus()[0]?.model ?? process.arch}, ${availableParallelism()} cores, Node ${process.version}`;
  if (!options.json) console.log(machine);
  await useBackend('wasm');
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ragan-bench-'));
  const models = [];
  try {
    for (const name of options.models) {
      const {title, filters, growth, blocks, pixels} = MODELS[name];
      const sizes = {filters, growth, blocks};
      const model = name === 'box' ? await loadDefaultModel() : esrganGenerator({...sizes, seed: 1});
      const files = {model: join(folder, name), onnx: join(folder, `${name}.onnx`)};
      await saveModel(model, files.model, {format: 'upscalerjs'});
      await saveModel(model, files.onnx, {format: 'onnx'});
      model.dispose();
      const settings = {...sizes, ...files, pixels: options.pixels ?? pixels, threads: options.threads};
      const measured = {model: name, title, ...(await measure(settings, options))};
      models.push(measured);
      if (!options.json) print(measured);
    }
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  if (options.json) console.log(JSON.stringify({machine, models}, null, 2));
}

main().catch(error => {
  console.error(error.message);
  process.exitCode = 2;
});
