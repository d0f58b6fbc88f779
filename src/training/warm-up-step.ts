import * as tf from '@tensorflow/tfjs';
import {joinBatch, splitInputs} from './inputs.js';
import {generatorForward} from './recompute.js';
import {runStep} from './run-step.js';
import type {Step} from './step.js';
import {contentLoss, stepRecorder, warmUpLosses} from './step.js';
import {requireKnownObjective} from './validation.js';
import {gradientsOf, trainableVariables} from './variables.js';

/**
 * The generator's gradient from its generator losses alone, without the critic: what a GAN is warmed up with, as ESRGAN
 * is on pixels.
 *
 * @example
 * const generatorLosses = [{name: 'content', weight: 1, loss: l1Loss}];
 * const objective = {loss: new StandardLoss(), adversarialWeight: 1, generatorLosses, averaging: localAveraging};
 * const {losses, generatorGradients} = warmUpStep(gan, objective, lowResolution, highResolution);
 */
export const warmUpStep: Step = ({generator}, objective, xs, ys) => {
  requireKnownObjective('warmUpStep', objective);
  const onWarmUp = {...objective, generatorLosses: warmUpLosses(objective.generatorLosses)};
  const variables = trainableVariables(generator);
  const {losses, observed, record} = stepRecorder(objective);
  const step = () => {
    const {grads} = tf.variableGrads(() => {
      const parts = splitInputs(xs, objective.lanes).map(inputs => generatorForward(objective)(generator, inputs));
      return contentLoss(onWarmUp, [generator], ys, joinBatch(parts), record);
    }, variables);
    return {losses, observed, generatorGradients: gradientsOf(variables, grads), discriminatorGradients: {}};
  };
  return runStep(step, () => losses);
};
