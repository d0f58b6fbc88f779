// The training step in each way that it can be run, in TensorFlow.js and in PyTorch, sampled in turn.
import {setTimeout} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {startEngine} from './engine.js';
import {median} from './median.js';
import {startPyTorch} from './pytorch.js';

/** Generators by name: ESRGAN as published is the full one. */
export const SIZES = {
  lite: {filters: 32, growth: 16, blocks: 2},
  medium: {filters: 64, growth: 32, blocks: 4},
  full: {filters: 64, growth: 32, blocks: 23},
};

const WAYS = {
  'TensorFlow.js, usual order': 'usual',
  'GAN, separate passes': 'separate',
  'GAN, one pass': 'one',
  'GAN, captured': 'captured',
};

const LAYOUTS = {
  'PyTorch, plain': 'plain',
  'PyTorch, channels_last': 'channels_last',
};

/** For so long the threads of the engine before go on looking for work. */
const SETTLING_MILLISECONDS = 300;

/**
 * Steps that are timed in a turn, after one that is not: that one finds the threads asleep and the caches full of another
 * engine's data, as no step in the midst of a training run does.
 */
const STEPS_PER_TURN = 3;

const STEP_SCRIPT = fileURLToPath(new URL('step.js', import.meta.url));

/**
 * The median time and the peak memory of each engine that there is, sampled in turn so that whatever else the machine
 * does hits them alike, and why the others are missing.
 *
 * @throws if the backend does not start.
 */
export async function benchmarkStep({backend, threads, batch, generator}, rounds) {
  const engines = [];
  const missing = {};
  const add = async (name, starting) => engines.push({name, ...(await starting), times: [], peakMegabytes: 0});
  try {
    for (const [name, way] of Object.entries(WAYS)) {
      const settings = JSON.stringify({batch, ...generator, backend, threads, way});
      const started = add(name, startEngine(process.execPath, [STEP_SCRIPT, settings]));
      await (way === 'captured' ? started.catch(error => (missing[name] = error.message)) : started);
    }
    // The same card, if it is one.
    const device = engines[0].about.backend === 'cuda' ? 'cuda' : 'cpu';
    for (const [name, layout] of Object.entries(LAYOUTS)) {
      await add(name, startPyTorch({batch, ...generator, threads, layout, device})).catch(
        error => (missing[name] = error.message),
      );
    }
    for (let round = 0; round < rounds; round++) {
      for (const engine of engines) {
        await setTimeout(SETTLING_MILLISECONDS);
        await engine.step();
        for (let i = 0; i < STEPS_PER_TURN; i++) {
          const {milliseconds, peakMegabytes} = await engine.step();
          engine.times.push(milliseconds);
          engine.peakMegabytes = peakMegabytes;
        }
      }
    }
  } finally {
    await Promise.all(engines.map(engine => engine.stop()));
  }
  const rows = engines.map(({name, times, peakMegabytes}) => ({name, milliseconds: median(times), peakMegabytes}));
  const pytorch = rows.filter(({name}) => name in LAYOUTS);
  const best = Math.min(...pytorch.map(({milliseconds}) => milliseconds));
  return {
    batch,
    generator,
    ...engines[0].about,
    pytorchVersion: engines.at(-1).about.version,
    engines: rows.map(row => (pytorch.length > 0 ? {...row, timesPyTorch: row.milliseconds / best} : row)),
    missing,
  };
}
