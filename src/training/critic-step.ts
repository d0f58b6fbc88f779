import * as tf from '@tensorflow/tfjs';
import {addNoise} from './instance-noise.js';
import type {Judgement} from './judge.js';
import {judge} from './judge.js';
import {observedSamples} from './observed.js';
import {generatorForward} from './recompute.js';
import {runStep} from './run-step.js';
import type {Step} from './step.js';
import {criticOf, stepRecorder} from './step.js';
import {requireKnownObjective} from './validation.js';

/**
 * The discriminator's gradients alone, for the steps that it takes between two of the generator: see
 * `discriminatorSteps` of `GAN.compile`. The generator losses are left out.
 *
 * @example
 * const objective = {loss: new StandardLoss(), adversarialWeight: 1, generatorLosses: [], averaging: localAveraging};
 * const {losses, discriminatorGradients} = criticStep(gan, objective, lowResolution, highResolution);
 */
export const criticStep: Step = ({generator, discriminator}, objective, xs, ys, condition, noise) => {
  requireKnownObjective('criticStep', objective);
  const recorder = stepRecorder(objective);
  const {losses, observed} = recorder;
  const critic = criticOf(discriminator, condition);
  let judgement: Judgement | undefined;
  const step = () => {
    // Nothing but its output is needed.
    const made = tf.tidy(() => generatorForward(objective)(generator, xs));
    const [real, fake] = [addNoise(ys, noise?.[0]), addNoise(made, noise?.[1])];
    recorder.observe(() => observedSamples(ys, made));
    judgement = judge(discriminator, critic, objective, real, fake, recorder);
    judgement.generatorSeed.dispose();
    return {losses, observed, generatorGradients: {}, discriminatorGradients: judgement.discriminatorGradients};
  };
  return runStep(step, () => [losses, observed, {...judgement}]);
};
