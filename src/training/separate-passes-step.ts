import * as tf from '@tensorflow/tfjs';
import {stopGradient} from '../losses/stop-gradient.js';
import {runStep} from './run-step.js';
import type {Gradients, Step} from './step.js';
import {contentLoss, forward, layerLosses, lossRecorder, seed} from './step.js';
import {requireKnownObjective} from './validation.js';
import {gradientsOf, trainableVariables} from './variables.js';

/**
 * Both networks' gradients for any critic: the generator runs once, the critic three times, for the real samples, for
 * the fake ones as constants (its own gradient) and for the fake ones as variables (what the generator learns from).
 *
 * The critic's passes happen while the generator's forward pass waits on the tape; its backward pass then starts from
 * the gradient they found.
 *
 * @example
 * const objective = {loss: new StandardLoss(), adversarialWeight: 1, generatorLosses: [], averaging: localAveraging};
 * const {generatorGradients} = separatePassesStep(gan, objective, lowResolution, highResolution);
 * tf.train.adam(1e-4).applyGradients(generatorGradients);
 */
export const separatePassesStep: Step = ({generator, discriminator}, objective, xs, ys) => {
  requireKnownObjective('separatePassesStep', objective);
  const {loss, adversarialWeight, averaging} = objective;
  const generatorVariables = trainableVariables(generator);
  const discriminatorVariables = trainableVariables(discriminator);
  const {losses, record} = lossRecorder();
  let discriminatorGradients: Gradients = {};

  const objectiveOf = () => {
    const fake = forward(generator, xs);
    const constant = stopGradient(fake);
    let generatorSeed: tf.Tensor | undefined;
    const {grads} = tf.variableGrads(() => {
      const realLogits = forward(discriminator, ys);
      const fakeLogits = forward(discriminator, constant);
      const seeds = tf.tidy(() => {
        const result = loss.withGradients(realLogits, fakeLogits, {averaging});
        record('discriminatorLoss', result.discriminatorLoss);
        record('generatorLoss', result.generatorLoss);
        generatorSeed = tf.keep(tf.mul(result.generatorFake, adversarialWeight));
        return [result.discriminatorReal, result.discriminatorFake];
      });
      const ofLayers = layerLosses([discriminator], ys.shape[0], averaging);
      return tf.add(seed([realLogits, fakeLogits], seeds), ofLayers);
    }, discriminatorVariables);
    discriminatorGradients = gradientsOf(discriminatorVariables, grads);
    Object.values(discriminatorGradients).forEach(tf.keep);
    const adversarial = tf.grad(x => forward(discriminator, x))(constant, generatorSeed);
    generatorSeed?.dispose();
    const content = contentLoss(objective, [generator], ys, fake, record);
    return tf.add<tf.Scalar>(seed([fake], [adversarial]), content);
  };

  const step = () => {
    const {grads} = tf.variableGrads(objectiveOf, generatorVariables);
    return {losses, generatorGradients: gradientsOf(generatorVariables, grads), discriminatorGradients};
  };
  return runStep(step, () => [losses, discriminatorGradients]);
};
