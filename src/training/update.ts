import * as tf from '@tensorflow/tfjs';
import {applyGradients} from './apply-gradients.js';
import {clipNorm} from './clip-norm.js';
import type {PerNetwork} from './compile-options.js';
import type {Compiled} from './compiled.js';
import {criticStep} from './critic-step.js';
import {halfSquares} from './half-squares.js';
import type {Inputs} from './inputs.js';
import {drawNoise} from './instance-noise.js';
import {inMicroBatches} from './micro-batches.js';
import type {Observed} from './observed.js';
import {onePassStep} from './one-pass-step.js';
import type {Penalty} from './penalties.js';
import type {RunPiece} from './pieces.js';
import {runPiece} from './pieces.js';
import {readsAtOnce} from './reads-at-once.js';
import {separatePassesStep} from './separate-passes-step.js';
import {allFinite} from './step-capture.js';
import type {Gradients, Networks, StepResult} from './step.js';
import {trainableVariables} from './variables.js';
import {valueWhere, VariablesBefore} from './variables-before.js';
import {warmUpStep} from './warm-up-step.js';
import type {WeightAverage} from './weight-average.js';

/** What is done with a batch. Steps of one kind run the same ops. */
export interface StepKind {
  /** Which networks learn; the generator alone learns without the critic. */
  trains: 'generator' | 'discriminator' | 'both';
  penalties: Required<Penalty>[];
  /** Whether the critic sees samples with noise. */
  isNoisy: boolean;
  /** Whether it tells what it `observed`. */
  observes: boolean;
}

/**
 * The kind of the step of this number, from 0.
 *
 * @param how with `stddev`, that of the noise on samples.
 */
export function stepKind(
  {penalties, discriminatorSteps}: Compiled,
  step: number,
  {adversarial, stddev, observes}: {adversarial: boolean; stddev: number; observes: boolean},
): StepKind {
  if (!adversarial) return {trains: 'generator', penalties: [], isNoisy: false, observes};
  return {
    observes,
    trains: (step + 1) % discriminatorSteps === 0 ? 'both' : 'discriminator',
    penalties: penalties.filter(({every}) => step % every === 0),
    isNoisy: stddev > 0,
  };
}

/** What a step gives. Yours to dispose. */
export interface StepOutcome {
  losses: Record<string, tf.Scalar>;
  /**
   * The losses, then `halfSquares` of each trainable variable's gradient, the generator's first, of the networks that learn;
   * 0 where it has none. The step changes nothing unless all are finite.
   */
  checks: tf.Tensor;
  /** Whether they are, `[1]`, on a backend that is not read at once. */
  taken?: tf.Tensor;
  /** Empty unless the step observes. */
  observed: Observed;
}

/**
 * A training step as a function of the batch alone: gradients, updates and average, or nothing.
 *
 * @param run runs the pieces that a step in micro-batches is made of.
 */
export function updateOf(
  networks: Networks,
  compiled: Compiled,
  {trains, penalties, isNoisy, observes: observe}: StepKind,
  average: WeightAverage | undefined,
  lanes = 1,
  run = runPiece,
): (xs: Inputs, ys: tf.Tensor, condition: Inputs, stddev?: tf.Tensor) => StepOutcome {
  const {objective, passes, microBatchSize} = compiled;
  const both = passes === 'one' ? onePassStep : separatePassesStep;
  const whole = {generator: warmUpStep, discriminator: criticStep, both}[trains];
  const criticPasses = ({generator: undefined, discriminator: 'separate', both: passes} as const)[trains];
  const step = microBatchSize === undefined ? whole : inMicroBatches(whole, microBatchSize, criticPasses, run);
  // A penalty that is part of one step in so many is that much heavier.
  const active = penalties.map(({every, weight, ...rest}) => ({...rest, weight: weight * every}));
  return (xs, ys, condition, stddev) => {
    // First, so that one seed gives the same noise however the batch is computed; once, so that all passes see the same.
    const noise = isNoisy ? run('noise', drawNoise, [ys, stddev!]) : undefined;
    const objectiveNow = {...objective, penalties: active, lanes, observe};
    const before = new VariablesBefore(networks);
    let result: StepResult;
    try {
      result = step(networks, objectiveNow, xs, ys, condition, noise);
    } catch (error) {
      before.restore();
      before.dispose();
      throw error;
    } finally {
      tf.dispose(noise);
    }
    const {losses, observed} = result;
    const all = {generator: result.generatorGradients, discriminator: result.discriminatorGradients};
    const gradients = perNetwork(trains, network => all[network]);
    const halves = perNetwork(trains, network => halvesOf(networks[network], all[network]));
    const checks = tf.tidy(() => tf.stack<tf.Tensor>([...Object.values(losses), ...Object.values(halves).flat()]));
    const update = (known?: typeof halves) => {
      if (microBatchSize === undefined) applyAll(compiled, gradients, average, known);
      else runOn(run, 'apply', gradients, own => applyAll(compiled, own, average));
    };
    try {
      if (readsAtOnce()) {
        if (allFinite(checks)) update(halves);
        else before.restore();
        return {losses, checks, observed};
      }
      const taken = tf.tidy(() => tf.reshape(tf.all(tf.isFinite(checks)), [1]));
      for (const own of Object.values(gradients)) zeroUnless(taken, own);
      update();
      before.restoreUnless(taken);
      return {losses, checks, taken, observed};
    } finally {
      before.dispose();
      tf.dispose([all, halves]);
    }
  };
}

/** After a step that was left out, once that is known. */
export function takeCountsBack({optimizers}: Compiled, {trains}: StepKind): void {
  for (const network of Object.keys(perNetwork(trains, () => undefined)) as (keyof Networks)[]) {
    // The rest of its state is on the device; this is a number.
    const optimizer = optimizers[network] as unknown as {iterations_: number};
    if (optimizer.iterations_ > 0) optimizer.iterations_--;
  }
}

/** In place: an optimizer's state that the step makes is then as it is made, which nothing remembers. */
function zeroUnless(taken: tf.Tensor, gradients: Gradients): void {
  for (const [name, gradient] of Object.entries(gradients)) {
    (gradients as tf.NamedTensorMap)[name] = tf.tidy(() => valueWhere(taken, gradient, tf.scalar(0)));
    gradient.dispose();
  }
}

/** What `make` makes for each network that learns in a step, the generator first. */
export function perNetwork<T>(
  trains: StepKind['trains'],
  make: (network: keyof Networks) => T,
): Partial<PerNetwork<T>> {
  return {
    ...(trains !== 'discriminator' && {generator: make('generator')}),
    ...(trains !== 'generator' && {discriminator: make('discriminator')}),
  };
}

function halvesOf(network: tf.LayersModel, gradients: Gradients): tf.Scalar[] {
  return trainableVariables(network).map(({name}) => {
    const gradient = gradients[name];
    return gradient ? halfSquares(gradient) : tf.scalar(0);
  });
}

/** Updates the networks that there are gradients for, which are disposed, and the average of the generator. */
function applyAll(
  {optimizers, clipNorm: norms, averageDecay}: Compiled,
  gradients: Partial<PerNetwork<Gradients>>,
  average: WeightAverage | undefined,
  halves: Partial<PerNetwork<tf.Scalar[]>> = {},
): void {
  for (const network of ['generator', 'discriminator'] as const) {
    const found = gradients[network];
    if (!found) continue;
    const norm = norms[network];
    const clipped = norm === undefined ? found : clipNorm(found, norm, halves[network]);
    applyGradients(optimizers[network], clipped);
    tf.dispose(clipped);
  }
  if (averageDecay !== undefined && gradients.generator) average?.update(averageDecay);
}

/** Runs a piece whose inputs are gradients. */
function runOn(
  run: RunPiece,
  name: string,
  gradients: Partial<PerNetwork<Gradients>>,
  piece: (gradients: Partial<PerNetwork<Gradients>>) => void,
): void {
  const names = Object.entries(gradients).map(([network, own]) => [network, Object.keys(own)] as const);
  const inputs = Object.values(gradients).flatMap(own => Object.values<tf.Tensor>(own));
  run(
    name,
    (...tensors) => {
      const left = [...tensors];
      const named = (own: string[]) => Object.fromEntries(own.map(one => [one, left.shift()!]));
      piece(Object.fromEntries(names.map(([network, own]) => [network, named(own)])));
    },
    inputs,
  );
}
