import * as tf from '@tensorflow/tfjs';
import {joinBatch, splitBatch, splitInputs} from './inputs.js';
import {addNoise, addNoiseToParts} from './instance-noise.js';
import {logitsOfOnePass} from './logits.js';
import {observedLogits, observedSamples} from './observed.js';
import {onOwnTape} from './own-tape.js';
import {addPenalties} from './penalty-gradients.js';
import {generatorForward} from './recompute.js';
import {runStep} from './run-step.js';
import type {Gradients, Step} from './step.js';
import {contentLoss, criticOf, layerLosses, seed, stepRecorder} from './step.js';
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
 * and each fake sample's gradient, rescaled to that of the generator's loss, is where the generator's backward pass
 * starts. That one is of a tape of its own: a generator loss may look through the critic and moves none of its weights.
 *
 * @example
 * const objective = {loss: new StandardLoss(), adversarialWeight: 1, generatorLosses: [], averaging: localAveraging};
 * const {losses, ...gradients} = onePassStep(gan, objective, lowResolution, highResolution);
 */
export const onePassStep: Step = ({generator, discriminator}, objective, xs, ys, condition, noise) => {
  requireKnownObjective('onePassStep', objective);
  const {loss, adversarialWeight, averaging, lanes} = objective;
  const generatorVariables = trainableVariables(generator);
  const discriminatorVariables = trainableVariables(discriminator);
  const {losses, observed, record, observe} = stepRecorder(objective);
  let discriminatorGradients: Gradients = {};

  /** The critic's gradients, which are kept, and each fake sample's by the generator's adversarial loss. */
  const judgeTogether = (samples: tf.Tensor[]): tf.Tensor[] => {
    const real = addNoise(ys, noise?.[0]);
    const reals = splitBatch(real, lanes);
    const fakes = addNoiseToParts(samples, noise?.[1]);
    let rescale: tf.Tensor | undefined;
    const criticLoss = () => {
      const [realLogits, fakeLogits] = logitsOfOnePass(discriminator, reals, fakes, condition, lanes);
      const seeds = tf.tidy(() => {
        const result = loss.withGradients(realLogits, fakeLogits, {averaging});
        const {discriminatorReal, discriminatorFake, generatorFake} = result;
        record('discriminatorLoss', result.discriminatorLoss);
        record('generatorLoss', result.generatorLoss);
        observe(() => ({...observedSamples(ys, joinBatch(samples)), ...observedLogits(realLogits, fakeLogits)}));
        const divisor = tf.where(tf.less(tf.abs(discriminatorFake), TINY), TINY, discriminatorFake);
        rescale = tf.keep(tf.mul(tf.div(generatorFake, divisor), adversarialWeight));
        return [discriminatorReal, divisor];
      });
      const ofLayers = layerLosses([discriminator], ys.shape[0], averaging);
      return tf.add<tf.Scalar>(seed([realLogits, fakeLogits], seeds), ofLayers);
    };
    try {
      const {grads} = tf.engine().gradients(criticLoss, [...fakes, ...discriminatorVariables], undefined, true);
      const named = discriminatorVariables.map(({name}, i) => [name, grads[fakes.length + i]!] as const);
      discriminatorGradients = gradientsOf(discriminatorVariables, Object.fromEntries(named));
      Object.values(discriminatorGradients).forEach(tf.keep);
      discriminatorGradients = addPenalties(
        discriminator,
        criticOf(discriminator, condition),
        objective,
        real,
        joinBatch(fakes),
        discriminatorGradients,
        record,
      );
      const factors = splitBatch(rescale!, lanes);
      return fakes.map(({shape}, i) => {
        const perSample = tf.reshape(factors[i]!, [shape[0], ...shape.slice(1).map(() => 1)]);
        return tf.mul(grads[i]!, perSample);
      });
    } finally {
      rescale?.dispose();
    }
  };

  const objectiveOf = () => {
    const fakes = splitInputs(xs, lanes).map(inputs => generatorForward(objective)(generator, inputs));
    const adversarial = onOwnTape(() => judgeTogether(fakes));
    const content = contentLoss(objective, [generator], ys, joinBatch(fakes), record);
    return tf.add<tf.Scalar>(seed(fakes, adversarial), content);
  };

  const step = () => {
    const {grads} = tf.variableGrads(objectiveOf, generatorVariables);
    return {losses, observed, generatorGradients: gradientsOf(generatorVariables, grads), discriminatorGradients};
  };
  return runStep(step, () => [losses, observed, discriminatorGradients]);
};
