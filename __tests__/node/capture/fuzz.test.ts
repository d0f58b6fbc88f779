import * as tf from '@tensorflow/tfjs';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {useProcessEnvironment} from '../../support/process-environment.js';
import type {RandomStep, Result} from '../../support/random-step.js';
import {randomStep} from '../../support/random-step.js';

/** How many programs; with TFJS_RAGAN_FUZZ_SEED from there, one alone say, as a failure tells. */
const COUNT = Number(process.env.TFJS_RAGAN_FUZZ ?? 200);
const FIRST = Number(process.env.TFJS_RAGAN_FUZZ_SEED ?? 1);
const CHUNK = 50;

/** Rounding, relative to the largest of the values that are compared. */
const TOLERANCE = 1e-4;

/** What a program shows after a call: what came back, by kind, and the values that can be seen. */
interface Seen {
  kinds: string[];
  values: Float32Array[];
  tensors: number;
}

interface Run {
  seen: Seen[];
  state: string;
  /** Calls that were runs of a graph. */
  graphRuns: number;
}

/** Runs the program of a seed, captured or as usual. */
async function run(seed: number, captured: boolean): Promise<Run> {
  const before = Object.keys(tf.engine().registeredVariables);
  const program = randomStep(seed);
  const inputs = program.calls[0]!.inputs();
  const step = captureStep(program.step, {inputs, onWarning: () => undefined});
  tf.dispose(inputs);
  const seen: Seen[] = [];
  let graphRuns = 0;
  const start = tf.memory().numTensors;
  for (const {between, inputs, looks, tidy} of program.calls) {
    await between();
    const [x, indices] = inputs();
    if (tidy) tf.engine().startScope();
    const {state} = step.status;
    const result = captured ? step(x, indices) : program.step(x, indices);
    if (state === 'captured') graphRuns++;
    const {kinds, values, own} = describe(result, program, [x, indices]);
    if (tidy) tf.engine().endScope();
    else tf.dispose(own);
    tf.dispose([x, indices]);
    if (looks) values.push(...program.variables().map(valuesOf));
    seen.push({kinds, values, tensors: tf.memory().numTensors - start});
  }
  const {status} = step;
  step.dispose();
  const states = await Promise.all(program.optimizers.map(one => one.getWeights()));
  seen.push({
    kinds: program.optimizers.map(({iterations}) => `${iterations} steps`),
    values: [...program.variables(), ...states.flat().map(({tensor}) => tensor)].map(valuesOf),
    tensors: tf.memory().numTensors - start,
  });
  const known = new Set(before);
  for (const [name, variable] of Object.entries(tf.engine().registeredVariables)) {
    if (!known.has(name)) variable.dispose();
  }
  tf.dispose([program.outside, states.map(([count]) => count!.tensor)]);
  return {seen, state: status.state, graphRuns};
}

const valuesOf = (tensor: tf.Tensor) => Float32Array.from(tensor.dataSync());

/** The parts of a result: which tensor it is where it was there before, and otherwise its values. */
function describe(result: Result, program: RandomStep, inputs: tf.Tensor[]) {
  const known = [...inputs, ...program.variables(), ...program.outside];
  const kinds: string[] = [];
  const values: Float32Array[] = [];
  const own: tf.Tensor[] = [];
  const visit = (part: Result): void => {
    if (part instanceof tf.Tensor) {
      const index = known.indexOf(part);
      kinds.push(index < 0 ? `[${part.shape.join()}] ${part.dtype}` : `known ${index}`);
      values.push(valuesOf(part));
      if (index < 0) own.push(part);
      return;
    }
    kinds.push(Array.isArray(part) ? `list of ${part.length}` : Object.keys(part).join());
    Object.values(part).forEach(visit);
  };
  visit(result);
  return {kinds, values, own};
}

function largestDifference(ours: Float32Array[], theirs: Float32Array[]): number {
  expect(ours.map(({length}) => length)).toEqual(theirs.map(({length}) => length));
  let largest = 0;
  ours.forEach((values, i) => {
    const expected = theirs[i]!;
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-2);
    values.forEach((value, k) => {
      const difference = Object.is(value, expected[k]) ? 0 : Math.abs(value - expected[k]!) / scale;
      if (!(difference <= largest)) largest = difference; // NaN too
    });
  });
  return largest;
}

async function check(seed: number): Promise<Run & {isRefused: boolean}> {
  const [ours, theirs] = [await run(seed, true), await run(seed, false)];
  expect(ours.seen.map(({kinds}) => kinds)).toEqual(theirs.seen.map(({kinds}) => kinds));
  ours.seen.forEach(({values}, call) => {
    const difference = largestDifference(values, theirs.seen[call]!.values);
    if (!(difference <= TOLERANCE)) throw new Error(`call ${call} differs by ${difference} (${ours.state})`);
  });
  expect(ours.seen.map(({tensors}) => tensors)).toEqual(theirs.seen.map(({tensors}) => tensors));
  const isRefused = tf.tidy(() => randomStep(seed).isRefused);
  if (isRefused) expect(ours.state).toBe('eager');
  return {...ours, isRefused};
}

/**
 * Random training steps, captured and as usual, must give the same: see `support/random-step.ts` for what they are made
 * of. TFJS_RAGAN_FUZZ=5000 runs as many.
 */
describeOnTensorFlow('random steps give the same captured and as usual', () => {
  useProcessEnvironment();
  beforeAll(() => activateBackend(tensorFlow!));

  const chunks = Array.from({length: Math.ceil(COUNT / CHUNK)}, (_, i) => FIRST + i * CHUNK);

  test.each(chunks)(
    'from seed %i',
    async first => {
      const last = Math.min(first + CHUNK, FIRST + COUNT);
      let [captured, capturable, graphRuns] = [0, 0, 0];
      for (let seed = first; seed < last; seed++) {
        try {
          const one = await check(seed);
          if (!one.isRefused) capturable++;
          if (one.state === 'captured') captured++;
          graphRuns += one.graphRuns;
        } catch (error) {
          const again = `TFJS_RAGAN_TEST_BACKENDS=tensorflow TFJS_RAGAN_FUZZ_SEED=${seed} TFJS_RAGAN_FUZZ=1 npx jest capture/fuzz`;
          throw new Error(`seed ${seed}: ${(error as Error).message}\nAlone: ${again}`, {cause: error});
        }
      }
      expect(captured).toBeGreaterThanOrEqual(Math.floor(0.9 * capturable));
      expect(graphRuns).toBeGreaterThanOrEqual(captured * 2);
    },
    1_200_000,
  );
});
