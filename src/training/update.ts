import * as tf from '@tensorflow/tfjs';
import {applyGradients} from './apply-gradients.js';
import {clipNorm} from './clip-norm.js';
import type {PerNetwork} from './compile-options.js';
import type {Compiled} from './compiled.js';
import {criticStep} from './critic-step.js';
import type {Inputs} from './inputs.js';
import {drawNoise} from './instance-noise.js';
import {inMicroBatches} from './micro-batches.js';
import {onePassStep} from './one-pass-step.js';
import type {Penalty} from './penalties.js';
import type {RunPiece} from './pieces.js';
import {runPiece} from './pieces.js';
import {separatePassesStep} from './separate-passes-step.js';
import type {Gradients, Networks} from './step.js';
import {warmUpStep} from './warm-up-step.js';
import type {WeightAverage} from './weight-average.js';

/** What is done with a batch. Steps of one kind run the same ops. */
export interface StepKind {
  /** Which networks learn; the generator alone learns without the critic. */
  trains: 'generator' | 'discriminator' | 'both';
  penalties: Required<Penalty>[];
  /** Whether the critic sees samples with noise. */
  isNoisy: boolean;
}

/**
 * The kind of the step of this number, from 0.
 *
 * @param stddev of the noise on samples.
 */
export function stepKind(
  {penalties, discriminatorSteps}: Compiled,
  step: number,
  adversarial: boolean,
  stddev: number,
): StepKind {
  if (!adversarial) return {trains: 'generator', penalties: [], isNoisy: false};
  return {
    trains: (step + 1) % discriminatorSteps === 0 ? 'both' : 'discriminator',
    penalties: penalties.filter(({every}) => step % every === 0),
    isNoisy: stddev > 0,
  };
}

/**
 * A training step as a function of the batch alone: gradients, updates and average. Returns the losses.
 *
 * @param run runs the pieces that a step in micro-batches is made of.
 */
export function updateOf(
  networks: Networks,
  compiled: Compiled,
  {trains, penalties, isNoisy}: StepKind,
  average: WeightAverage | undefined,
  lanes = 1,
  run = runPiece,
): (xs: Inputs, ys: tf.Tensor, condition: Inputs, stddev?: tf.Tensor) => Record<string, tf.Scalar> {
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
    const objectiveNow = {...objective, penalties: active, lanes};
    let result;
    try {
      result = step(networks, objectiveNow, xs, ys, condition, noise);
    } finally {
      tf.dispose(noise);
    }
    const {losses, generatorGradients, discriminatorGradients} = result;
    const gradients = {
      ...(trains !== 'discriminator' && {generator: generatorGradients}),
      ...(trains !== 'generator' && {discriminator: discriminatorGradients}),
    };
    if (microBatchSize === undefined) applyAll(compiled, gradients, average);
    else runOn(run, 'apply', gradients, all => applyAll(compiled, all, average));
    return losses;
  };
}

/** Updates the networks that there are gradients for, which are disposed, and the average of the generator. */
function applyAll(
  {optimizers, clipNorm: norms, averageDecay}: Compiled,
  gradients: Partial<PerNetwork<Gradients>>,
  average: WeightAverage | undefined,
): void {
  for (const network of ['generator', 'discriminator'] as const) {
    const found = gradients[network];
    if (!found) continue;
    const norm = norms[network];
    const clipped = norm === undefined ? found : clipNorm(found, norm);
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
