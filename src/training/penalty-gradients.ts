import * as tf from '@tensorflow/tfjs';
import {meanOverParts} from '../losses/averaging.js';
import type {Critic} from './penalties.js';
import type {Gradients, Objective} from './step.js';
import {trainableVariables} from './variables.js';

/**
 * The discriminator's gradients with those of its penalties added, in place of the ones without them, which are disposed.
 * All are kept.
 *
 * @param critic the discriminator as a function of samples.
 * @param fake the generator's samples, as constants.
 */
export function addPenalties(
  discriminator: tf.LayersModel,
  critic: Critic,
  {penalties = [], averaging}: Objective,
  real: tf.Tensor,
  fake: tf.Tensor,
  gradients: Gradients,
  report: (name: string, value: tf.Scalar) => void,
): Gradients {
  if (penalties.length === 0) return gradients;
  return tf.tidy(() => {
    const {grads} = tf.variableGrads(() => {
      const terms = penalties.map(({name, weight, penalty}) => {
        const value = penalty(critic, real, fake);
        const {mean, share} = meanOverParts(value, real.shape[0], averaging);
        report(name, mean);
        return tf.mul<tf.Scalar>(value, weight * share);
      });
      return tf.addN<tf.Scalar>(terms);
    }, trainableVariables(discriminator));
    const sums: tf.NamedTensorMap = {};
    for (const {name} of trainableVariables(discriminator)) {
      const [own, added] = [gradients[name], (grads as Record<string, tf.Tensor | null>)[name]];
      const sum = own && added ? tf.add(own, added) : (own ?? added);
      if (sum) sums[name] = tf.keep(sum);
    }
    for (const [name, gradient] of Object.entries(gradients)) if (sums[name] !== gradient) gradient.dispose();
    return sums as Gradients;
  });
}
