import type * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {RelativisticAverageLossOptions} from './relativistic-average-loss.js';
import {RelativisticAverageLoss} from './relativistic-average-loss.js';

/** The options of `RelativisticAverageLoss`, without those that only an object has, and the weight of each term. */
export interface LossFunctionOptions extends Omit<RelativisticAverageLossOptions, 'mode' | 'name'> {
  /** Broadcasts against the logits and weighs the loss terms. */
  sampleWeight?: tf.Tensor;
}

const LOSS_FUNCTION_OPTIONS: OptionNames<LossFunctionOptions> = {
  criterion: true,
  reduction: true,
  axis: true,
  detachAverage: true,
  labelSmoothing: true,
  sampleWeight: true,
};

/**
 * `RelativisticAverageLoss.discriminator` as a function: mean p(A f - r) + mean p(f - A r), with r and f the logits, A
 * the mean over `axis` and p the criterion's penalty. Shapes, result and refusals are those of the method.
 *
 * @example
 * const loss = discriminatorLoss(realLogits, fakeLogits, {criterion: 'hinge', axis: 'all'});
 */
export function discriminatorLoss<O extends tf.Tensor = tf.Scalar>(
  realLogits: tf.Tensor,
  fakeLogits: tf.Tensor,
  options: LossFunctionOptions = {},
): O {
  const {loss, sampleWeight} = lossFrom('discriminatorLoss', options);
  return loss.discriminator(realLogits, fakeLogits, sampleWeight);
}

/**
 * `RelativisticAverageLoss.generator` as a function: that of the discriminator with real and fake swapped. Shapes,
 * result and refusals are those of the method.
 *
 * @example
 * const loss = generatorLoss(realLogits, fakeLogits);
 */
export function generatorLoss<O extends tf.Tensor = tf.Scalar>(
  realLogits: tf.Tensor,
  fakeLogits: tf.Tensor,
  options: LossFunctionOptions = {},
): O {
  const {loss, sampleWeight} = lossFrom('generatorLoss', options);
  return loss.generator(realLogits, fakeLogits, sampleWeight);
}

function lossFrom(owner: string, options: LossFunctionOptions) {
  requireKnownOptions(owner, options, LOSS_FUNCTION_OPTIONS);
  const {sampleWeight, ...ofLoss} = options;
  return {loss: new RelativisticAverageLoss(ofLoss), sampleWeight};
}
