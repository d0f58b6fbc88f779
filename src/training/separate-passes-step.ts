import * as tf from '@tensorflow/tfjs';
import {addNoise} from './instance-noise.js';
import type {Judgement} from './judge.js';
import {judge} from './judge.js';
import {observedSamples} from './observed.js';
import {onOwnTape} from './own-tape.js';
import {generatorForward} from './recompute.js';
import {runStep} from './run-step.js';
import type {Step} from './step.js';
import {contentLoss, criticOf, seed, stepRecorder} from './step.js';
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
 * const {losses, ...gradients} = separatePassesStep(gan, objective, lowResolution, highResolution);
 */
export const separatePassesStep: Step = ({generator, discriminator}, objective, xs, ys, condition, noise) => {
  requireKnownObjective('separatePassesStep', objective);
  const generatorVariables = trainableVariables(generator);
  const recorder = stepRecorder(objective);
  const {losses, observed} = recorder;
  const critic = criticOf(discriminator, condition);
  let judgement: Judgement | undefined;

  const objectiveOf = () => {
    const fake = generatorForward(objective)(generator, xs);
    const adversarial = onOwnTape(() => {
      const [real, judged] = [addNoise(ys, noise?.[0]), addNoise(fake, noise?.[1])];
      recorder.observe(() => observedSamples(ys, fake));
      judgement = judge(discriminator, critic, objective, real, judged, recorder);
      return tf.grad(critic)(judged, judgement.generatorSeed);
    });
    const content = contentLoss(objective, [generator], ys, fake, recorder.record);
    return tf.add<tf.Scalar>(seed([fake], [adversarial]), content);
  };

  const step = () => {
    const {grads} = tf.variableGrads(objectiveOf, generatorVariables);
    const {discriminatorGradients, generatorSeed} = judgement!;
    generatorSeed.dispose();
    return {losses, observed, generatorGradients: gradientsOf(generatorVariables, grads), discriminatorGradients};
  };
  return runStep(step, () => [losses, observed, {...judgement}]);
};
