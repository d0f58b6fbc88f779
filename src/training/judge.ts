import * as tf from '@tensorflow/tfjs';
import {logitsOfTwoPasses} from './logits.js';
import {observedLogits} from './observed.js';
import type {Critic} from './penalties.js';
import {addPenalties} from './penalty-gradients.js';
import type {Gradients, Objective, StepRecorder} from './step.js';
import {layerLosses, seed} from './step.js';
import {gradientsOf, trainableVariables} from './variables.js';

/** What a critic's pass over real and fake samples gives. All tensors are kept. */
export interface Judgement {
  /** The gradients of the discriminator's objective, penalties included. */
  discriminatorGradients: Gradients;
  /** The gradient of the generator's adversarial loss with respect to the fake logits, weighted. */
  generatorSeed: tf.Tensor;
}

/**
 * Runs any critic over the real samples and over the fake ones, which count as constants.
 *
 * @param critic the discriminator as a function of samples.
 */
export function judge(
  discriminator: tf.LayersModel,
  critic: Critic,
  objective: Objective,
  real: tf.Tensor,
  fake: tf.Tensor,
  {record, observe}: StepRecorder,
): Judgement {
  const {loss, adversarialWeight, averaging} = objective;
  const variables = trainableVariables(discriminator);
  let generatorSeed: tf.Tensor | undefined;
  let gradients: Gradients = {};
  try {
    const {grads} = tf.variableGrads(() => {
      const [realLogits, fakeLogits] = logitsOfTwoPasses(critic, real, fake);
      const seeds = tf.tidy(() => {
        const result = loss.withGradients(realLogits, fakeLogits, {averaging});
        record('discriminatorLoss', result.discriminatorLoss);
        record('generatorLoss', result.generatorLoss);
        observe(() => observedLogits(realLogits, fakeLogits));
        generatorSeed = tf.keep(tf.mul(result.generatorFake, adversarialWeight));
        return [result.discriminatorReal, result.discriminatorFake];
      });
      const ofLayers = layerLosses([discriminator], real.shape[0], averaging);
      return tf.add(seed([realLogits, fakeLogits], seeds), ofLayers);
    }, variables);
    gradients = gradientsOf(variables, grads);
    Object.values(gradients).forEach(tf.keep);
    const discriminatorGradients = addPenalties(discriminator, critic, objective, real, fake, gradients, record);
    return {discriminatorGradients, generatorSeed: generatorSeed!};
  } catch (error) {
    tf.dispose([gradients, generatorSeed]);
    throw error;
  }
}
