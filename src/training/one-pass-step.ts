import * as tf from '@tensorflow/tfjs';
import {runStep} from './run-step.js';
import type {Step} from './step.js';
import {contentLoss, forward, joinBatch, lossRecorder, seed, splitBatch, withGradient} from './step.js';
import {requireKnownObjective} from './validation.js';
import {gradientsOf, trainableVariables} from './variables.js';

/** Stands for a gradient of zero where it is divided by: far below what float32 can add to anything else. */
const TINY = 1e-20;

/**
 * Both networks' gradients from one forward and one backward pass: the generator once, and the critic once for the real
 * and the fake samples together.
 *
 * For a critic that gives one logit per sample and does not mix samples, both losses send the same thing back through
 * it, up to one factor per sample: with f_i the fake logits, d L_G / d x_i = (d L_G / d f_i) / (d L_D / d f_i) times
 * d L_D / d x_i. So the critic's backward pass starts from the discriminator's loss, whose gradient its weights need,
 * and on the way into the generator each sample's gradient is rescaled to that of the generator's loss.
 */
export const onePassStep: Step = ({generator, discriminator}, objective, xs, ys) => {
  requireKnownObjective('onePassStep', objective);
  const {loss, adversarialWeight, averaging, lanes} = objective;
  const generatorVariables = trainableVariables(generator);
  const discriminatorVariables = trainableVariables(discriminator);
  const {losses, record} = lossRecorder();
  let rescale: tf.Tensor | undefined;

  const objectiveOf = () => {
    const reals = splitBatch(ys, lanes);
    const parts = splitBatch(xs, lanes).map((x, i) => {
      const fake = forward(generator, x);
      const judged = withGradient(fake, dy => tf.mul(dy, splitBatch(rescale!, lanes)[i]!));
      const pair = [reals[i]!, judged];
      // In one batch: fewer and larger ops. Unless a lane would have nothing to do.
      const together = reals.length >= (lanes ?? 1);
      const [realLogits, fakeLogits] = together
        ? tf.split(forward(discriminator, tf.concat(pair)), 2)
        : pair.map(samples => forward(discriminator, samples));
      return {fake, realLogits: realLogits!, fakeLogits: fakeLogits!};
    });
    const fake = joinBatch(parts.map(part => part.fake));
    const realLogits = joinBatch(parts.map(part => part.realLogits));
    const fakeLogits = joinBatch(parts.map(part => part.fakeLogits));
    const seeds = tf.tidy(() => {
      const result = loss.withGradients(realLogits, fakeLogits, {averaging});
      const {discriminatorReal, discriminatorFake, generatorFake} = result;
      record('discriminatorLoss', result.discriminatorLoss);
      record('generatorLoss', result.generatorLoss);
      const divisor = tf.where(tf.less(tf.abs(discriminatorFake), TINY), TINY, discriminatorFake);
      const ratio = tf.mul(tf.div(generatorFake, divisor), adversarialWeight);
      rescale = tf.keep(tf.reshape(ratio, [fake.shape[0], ...fake.shape.slice(1).map(() => 1)]));
      return [discriminatorReal, divisor];
    });
    const content = contentLoss(objective, [generator, discriminator], ys, fake, record);
    return tf.add<tf.Scalar>(seed([realLogits, fakeLogits], seeds), content);
  };

  const step = () => {
    const {grads} = tf.variableGrads(objectiveOf, [...generatorVariables, ...discriminatorVariables]);
    return {
      losses,
      generatorGradients: gradientsOf(generatorVariables, grads),
      discriminatorGradients: gradientsOf(discriminatorVariables, grads),
    };
  };
  try {
    return runStep(step, () => losses);
  } finally {
    rescale?.dispose();
  }
};
