import * as tf from '@tensorflow/tfjs';
import {applyGradients} from './apply-gradients.js';
import {clipNorm} from './clip-norm.js';
import type {PerNetwork} from './compile-options.js';
import type {Compiled} from './compiled.js';
import {criticStep} from './critic-step.js';
import type {Inputs} from './inputs.js';
import {onePassStep} from './one-pass-step.js';
import type {Penalty} from './penalties.js';
import {separatePassesStep} from './separate-passes-step.js';
import type {Gradients, Networks} from './step.js';
import {warmUpStep} from './warm-up-step.js';
import type {WeightAverage} from './weight-average.js';

/** What is done with a batch. Steps of one kind run the same ops. */
export interface StepKind {
  /** Which networks learn; the generator alone learns without the critic. */
  trains: 'generator' | 'discriminator' | 'both';
  penalties: Required<Penalty>[];
}

/** The kind of the step of this number, from 0. */
export function stepKind({penalties, discriminatorSteps}: Compiled, step: number, adversarial: boolean): StepKind {
  if (!adversarial) return {trains: 'generator', penalties: []};
  return {
    trains: (step + 1) % discriminatorSteps === 0 ? 'both' : 'discriminator',
    penalties: penalties.filter(({every}) => step % every === 0),
  };
}

/** A training step as a function of the batch alone: gradients, updates and average. Returns the losses. */
export function updateOf(
  networks: Networks,
  {objective, optimizers, clipNorm: norms, passes, averageDecay}: Compiled,
  {trains, penalties}: StepKind,
  average: WeightAverage | undefined,
  lanes = 1,
): (xs: Inputs, ys: tf.Tensor, condition?: Inputs) => Record<string, tf.Scalar> {
  const both = passes === 'one' ? onePassStep : separatePassesStep;
  const step = {generator: warmUpStep, discriminator: criticStep, both}[trains];
  // A penalty that is part of one step in so many is that much heavier.
  const active = penalties.map(({every, weight, ...rest}) => ({...rest, weight: weight * every}));
  return (xs, ys, condition) => {
    const {losses, generatorGradients, discriminatorGradients} = step(
      networks,
      {...objective, penalties: active, lanes},
      xs,
      ys,
      condition,
    );
    const apply = (network: keyof PerNetwork<unknown>, gradients: Gradients) => {
      const norm = norms[network];
      const clipped = norm === undefined ? gradients : clipNorm(gradients, norm);
      applyGradients(optimizers[network], clipped);
      tf.dispose(clipped);
    };
    if (trains !== 'discriminator') apply('generator', generatorGradients);
    if (trains !== 'generator') apply('discriminator', discriminatorGradients);
    if (averageDecay !== undefined && trains !== 'discriminator') average?.update(averageDecay);
    return losses;
  };
}
