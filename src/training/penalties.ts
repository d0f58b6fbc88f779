import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';

/** The critic as a function: logits from samples, of any shape but one entry or more per sample. */
export type Critic = (samples: tf.Tensor) => tf.Tensor;

/** A term of the discriminator's objective that looks at the critic's slope, say, and not at its logits alone. */
export interface Penalty {
  /** Its name in the logs. */
  name: string;
  /** What it is multiplied by in the discriminator's objective. */
  weight: number;
  /**
   * In how many steps it is part of the objective once, and then as many times as heavy ("lazy regularisation"): a whole
   * number. Default 1, every step.
   */
  every?: number;
  /**
   * A scalar from the critic and the samples, `[batch, ...]` each, made of ops that can be differentiated twice if it
   * takes a gradient itself: the mean over the samples. It moves the critic's weights alone.
   */
  penalty: (critic: Critic, real: tf.Tensor, fake: tf.Tensor) => tf.Scalar;
}

/** What `r1Penalty` and `r2Penalty` can be told. */
export interface GradientPenaltyOptions {
  /** Twice the weight, as the paper has it. */
  gamma: number;
  /** See `Penalty.every`. Default 1; StyleGAN2 uses 16. */
  every?: number;
}

/** What `wganPenalty` can be told. */
export interface WganPenaltyOptions {
  /** Default 10, the paper's. */
  weight?: number;
  /** See `Penalty.every`. Default 1. */
  every?: number;
}

const GRADIENT_PENALTY: OptionNames<GradientPenaltyOptions> = {gamma: true, every: true};
const WGAN_PENALTY: OptionNames<WganPenaltyOptions> = {weight: true, every: true};

/**
 * R1: gamma / 2 times the mean over the real samples of |grad c(x)|^2, with c the sum of the critic's logits for a
 * sample. Logged as `r1`, without gamma / 2.
 *
 * @throws if an option is unknown, `gamma` is not a finite number or `every` not a whole number of at least 1.
 * @example
 * gan.compile({...options, penalties: [r1Penalty({gamma: 10, every: 16})]});
 *
 * Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018, https://arxiv.org/abs/1801.04406
 */
export function r1Penalty(options: GradientPenaltyOptions): Penalty {
  requireKnownOptions('r1Penalty', options, GRADIENT_PENALTY);
  return gradientPenalty('r1Penalty', 'r1', options, (critic, real) => meanSquare(slopeOf(critic, real)));
}

/**
 * R2: as `r1Penalty`, at the fake samples. R3GAN uses both. Logged as `r2`, without gamma / 2.
 *
 * @throws as `r1Penalty`.
 * @example
 * gan.compile({...options, penalties: [r1Penalty({gamma: 1}), r2Penalty({gamma: 1})]});
 *
 * Mescheder et al., 2018, https://arxiv.org/abs/1801.04406; Huang et al., 2024, https://arxiv.org/abs/2501.05441
 */
export function r2Penalty(options: GradientPenaltyOptions): Penalty {
  requireKnownOptions('r2Penalty', options, GRADIENT_PENALTY);
  return gradientPenalty('r2Penalty', 'r2', options, (critic, _, fake) => meanSquare(slopeOf(critic, fake)));
}

/**
 * The gradient penalty of WGAN-GP: `weight` times the mean of (|grad c(m)| - 1)^2 at random mixtures m = u real +
 * (1 - u) fake, u uniform in [0, 1) for each pair of samples, with c the sum of the critic's logits for a sample. Logged
 * as `wgan`, without the weight.
 *
 * @throws if an option is unknown, `weight` is not a finite number or `every` not a whole number of at least 1.
 * @example
 * const loss = new StandardLoss({criterion: 'wasserstein'});
 * gan.compile({...options, loss, penalties: [wganPenalty({weight: 10})]});
 *
 * Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, https://arxiv.org/abs/1704.00028
 */
export function wganPenalty(options: WganPenaltyOptions = {}): Penalty {
  requireKnownOptions('wganPenalty', options, WGAN_PENALTY);
  const {weight = 10, every = 1} = options;
  return requirePenalty('wganPenalty', {
    name: 'wgan',
    weight,
    every,
    penalty: (critic, real, fake) => {
      const share = tf.randomUniform([real.shape[0], ...real.shape.slice(1).map(() => 1)]);
      const mixture = tf.add(fake, tf.mul(share, tf.sub(real, fake)));
      return distanceToOne(critic, mixture);
    },
  });
}

/** The mean over samples of (|grad c| - 1)^2. */
export function distanceToOne(critic: Critic, samples: tf.Tensor): tf.Scalar {
  // Where there is no slope the root has none either, instead of an infinite one; other slopes do not see so small a number.
  const lengths = tf.sqrt(tf.add(squaresOf(slopeOf(critic, samples)), 1e-20));
  return tf.mean(tf.square(tf.sub(lengths, 1)));
}

/** Refuses a penalty that cannot be used, and gives it back otherwise. */
export function requirePenalty(owner: string, penalty: Penalty): Required<Penalty> {
  const {name, weight, every = 1} = penalty;
  if (!Number.isFinite(weight)) {
    throw new Error(`${owner}: the weight of ${name} must be a finite number, but it is ${weight}.`);
  }
  if (!Number.isInteger(every) || every < 1) {
    throw new Error(`${owner}: every must be a whole number of at least 1, but it is ${every}.`);
  }
  if (typeof penalty.penalty !== 'function') {
    throw new Error(`${owner}: penalty '${name}' needs a function, but it is ${typeof penalty.penalty}.`);
  }
  return {...penalty, every};
}

function gradientPenalty(
  owner: string,
  name: string,
  {gamma, every = 1}: GradientPenaltyOptions,
  penalty: Penalty['penalty'],
): Penalty {
  if (!Number.isFinite(gamma)) throw new Error(`${owner}: gamma must be a finite number, but it is ${gamma}.`);
  return requirePenalty(owner, {name, weight: gamma / 2, every, penalty});
}

/** The gradient of the sum of the critic's logits at the samples: each sample's own, where the critic does not mix them. */
function slopeOf(critic: Critic, samples: tf.Tensor): tf.Tensor {
  return tf.grad(x => tf.sum(critic(x)))(samples);
}

/** The sum of squares of each sample, `[batch]`. */
function squaresOf(samples: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.square(tf.reshape(samples, [samples.shape[0], -1])), 1);
}

function meanSquare(samples: tf.Tensor): tf.Scalar {
  return tf.mean(squaresOf(samples));
}
