import * as tf from '@tensorflow/tfjs';
import {runStep} from './run-step.js';
import type {Step} from './step.js';
import {contentLoss, forward, lossRecorder} from './step.js';
import {gradientsOf, trainableVariables} from './variables.js';

/** The generator's gradient from its generator losses alone, without the critic: what a GAN is warmed up with. */
export const warmUpStep: Step = ({generator}, objective, xs, ys) => {
  const variables = trainableVariables(generator);
  const {losses, record} = lossRecorder();
  const step = () => {
    const loss = () => contentLoss(objective, [generator], ys, forward(generator, xs), record);
    const {grads} = tf.variableGrads(loss, variables);
    return {losses, generatorGradients: gradientsOf(variables, grads), discriminatorGradients: {}};
  };
  return runStep(step, () => losses);
};
