import type * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import {seededRandom} from '../../seeded-random.js';
import {drawing} from '../../training/drawing.js';
import type {CapturedStep, CaptureOptions} from '../../training/step-capture.js';
import type {Seeds} from './captured-graph.js';
import {isRecording} from './record-step.js';
import {Runner} from './runner.js';
import {Variants} from './variants.js';

const CAPTURE_OPTIONS: OptionNames<CaptureOptions> = {
  inputs: true,
  variables: true,
  dependsOn: true,
  seed: true,
  onWarning: true,
};

/**
 * Makes a training step run as one TensorFlow call.
 *
 * The first two calls run as usual and are recorded op by op. The record becomes a TensorFlow graph, whose variables are the
 * weights, which takes these steps too: what the recorded calls did is taken back. If both did the same, every later call
 * with inputs of that shape is one run of the graph. The weights then live in TensorFlow's session; whatever looks at a
 * variable or changes it between two steps still sees and sets its current value.
 *
 * A step can be captured if all that changes from call to call is in its inputs, its variables, its optimizers and the random
 * numbers that tfjs draws in it, by `tf.randomNormal` or dropout say: those are others at every call, the same ones for the same
 * `seed`, and those of an op with a seed of its own stay what they are.
 * Settings of `tf.train.adam`, `sgd`, `momentum` and `rmsprop`, the learning rate say, are read at every call. A step that
 * differs between its recordings (values made in JavaScript, branches, values read with
 * `dataSync`) goes on as usual, with one warning that names the op, the place and the reason. After 100 runs 8 steps, and
 * every 1,000 one, are recorded again, to see that it is still the step that was captured. What JavaScript does in the step
 * besides, such as counting, happens in these calls only. A step that was refused is recorded again after 100 calls, 200
 * more, and so on; one that is no longer what was captured, until 8 calls in a row did the same.
 *
 * What JavaScript decides between two calls, a penalty at every 16th or another optimizer, is told by `dependsOn`: the step
 * is captured for each combination of these values, the last 8 of them.
 *
 * On another backend the step runs as usual, with one warning; it is captured once TensorFlow (`npx tfjs-ragan setup`) is
 * the active one.
 *
 * @param fn the step: takes the inputs, updates variables, and returns a tensor, or arrays or objects of tensors, or
 *   nothing. It must not be async.
 * @throws if `seed` or `counter` is no whole number of at least 0, the inputs are disposed or not of the types it was made
 *   for, or `dependsOn` returns no array.
 * @example
 * const [x, y] = [tf.randomNormal([8, 3]), tf.randomNormal([8, 1])];
 * const optimizer = tf.train.adam(1e-3);
 * const step = captureStep((x, y) => {
 *   const loss = () => tf.losses.meanSquaredError(y, model.apply(x) as tf.Tensor);
 *   return optimizer.minimize(loss as () => tf.Scalar, true)!;
 * }, {inputs: [x, y]});
 * const loss = step(x, y);
 * step.dispose();
 */
export function captureStep<A extends tf.Tensor[], R>(
  fn: (...inputs: A) => R,
  options: CaptureOptions,
): CapturedStep<A, R> {
  requireKnownOptions('captureStep', options, CAPTURE_OPTIONS);
  const {dependsOn = () => [], onWarning = console.warn} = options;
  const told = new Set<string>();
  const warnOnce = (message: string) => {
    if (!told.has(message)) onWarning(message);
    told.add(message);
  };
  const step = new Variants(() => new Runner(fn, {...options, onWarning: warnOnce}), dependsOn, warnOnce);
  if (options.seed !== undefined) requireWhole('seed', options.seed);
  let counter = 0;
  const call = (...inputs: A) => {
    // A step that is being recorded draws for those that it calls.
    if (isRecording()) return step.call(inputs, [0, 0]);
    const draw = options.seed === undefined ? Math.random : seededRandom(options.seed, counter);
    const seeds: Seeds = [wholeFrom(draw), wholeFrom(draw)];
    const result = drawing(seeds, () => step.call(inputs, seeds));
    counter++;
    return result;
  };
  return Object.defineProperties(call, {
    status: {get: () => step.status},
    counter: {get: () => counter, set: (value: number) => (counter = requireWhole('counter', value))},
    dispose: {value: () => step.dispose()},
  }) as CapturedStep<A, R>;
}

function requireWhole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`captureStep: ${name} must be a whole number of at least 0, but it is ${JSON.stringify(value)}.`);
}

/** A whole number of 32 bits. */
function wholeFrom(draw: () => number): number {
  return Math.floor(draw() * 2 ** 32);
}
