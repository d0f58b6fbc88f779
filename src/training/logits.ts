import * as tf from '@tensorflow/tfjs';
import type {Inputs} from './inputs.js';
import {joinBatch, listOf, splitBatch} from './inputs.js';
import type {Critic} from './penalties.js';
import {criticOf} from './step.js';

/** A critic's logits. */
export type Logits = [real: tf.Tensor, fake: tf.Tensor];

/** The condition of real and fake samples that are judged together. */
const twice = (condition: tf.Tensor) => tf.concat([condition, condition]);

/** From a pass over the real and the fake samples together, for each lane. */
export function logitsOfOnePass(
  discriminator: tf.LayersModel,
  reals: tf.Tensor[],
  fakes: tf.Tensor[],
  condition: Inputs | undefined,
  lanes = 1,
): Logits {
  const conditions = listOf(condition).map(one => splitBatch(one, lanes));
  const parts = fakes.map((fake, i) => {
    const pair = [reals[i]!, fake];
    const under = conditions.map(one => one[i]!);
    // In one batch: fewer and larger ops. Unless a lane would have nothing to do.
    const together = reals.length >= lanes;
    return together
      ? tf.split(criticOf(discriminator, under.map(twice))(tf.concat(pair)), 2)
      : pair.map(criticOf(discriminator, under));
  });
  return [joinBatch(parts.map(([real]) => real!)), joinBatch(parts.map(([, fake]) => fake!))];
}

/** From a pass over the real samples and one over the fake ones. */
export function logitsOfTwoPasses(critic: Critic, real: tf.Tensor, fake: tf.Tensor): Logits {
  return [critic(real), critic(fake)];
}
