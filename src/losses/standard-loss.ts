import * as tf from '@tensorflow/tfjs';
import type {Criterion, CriterionPenalty} from './criterion.js';
import {criterionPenalties} from './criterion.js';
import type {ElementLoss} from './element-loss.js';
import type {Mode} from './gan-loss.js';
import type {LabelledLossOptions} from './labelled-loss.js';
import {LabelledLoss} from './labelled-loss.js';

/** The penalty of a fake logit in the discriminator's loss where it is not the criterion's own: least squares has label 0. */
const toZero: CriterionPenalty = {value: tf.square, derivative: x => tf.mul(x, 2)};
const fakePenalties: Readonly<Record<Criterion, CriterionPenalty>> = {...criterionPenalties, leastSquares: toZero};
/** The hinge generator maximises the fake logits without a bound. */
const generatorPenalties: Readonly<Record<Criterion, CriterionPenalty>> = {
  ...criterionPenalties,
  hinge: criterionPenalties.wasserstein,
};

/** `gradient` as a function of `logits` too, by which its derivative is zero: tfjs throws where it finds no path. */
const flat = (gradient: tf.Tensor, logits: tf.Tensor) => tf.add(gradient, tf.zerosLike(logits));

/**
 * The plain, non-relativistic pair of losses, to compare with.
 *
 * | criterion | discriminator | generator |
 * |---|---|---|
 * | `'crossEntropy'` | mean softplus(-r) + mean softplus(f) | mean softplus(-f) |
 * | `'leastSquares'` | mean (r - 1)^2 + mean f^2 | mean (f - 1)^2 |
 * | `'hinge'` | mean relu(1 - r) + mean relu(1 + f) | -mean f |
 * | `'wasserstein'` | -mean r + mean f | -mean f |
 *
 * With `labelSmoothing` s the label of real samples is 1 - s: cross-entropy's term of them is mean (softplus(-r) + s r), that
 * of least squares mean (r - 1 + s)^2.
 *
 * @example
 * const value = new StandardLoss({criterion: 'hinge'}).discriminator(realLogits, fakeLogits);
 *
 * @throws if an option is unknown, has an unknown value or is out of range, or labels are smoothed of a criterion without.
 *
 * Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661 (the non-saturating form); Mao et al., 2017,
 * https://arxiv.org/abs/1611.04076; Lim and Ye, 2017, https://arxiv.org/abs/1705.02894; Arjovsky et al., 2017,
 * https://arxiv.org/abs/1701.07875; Salimans et al., 2016, https://arxiv.org/abs/1606.03498 (one-sided label smoothing)
 */
export class StandardLoss extends LabelledLoss {
  /** The name by which `tf.serialization` finds the class. */
  static className = 'StandardLoss';

  constructor(options: LabelledLossOptions = {}) {
    super(options);
  }

  protected elementLoss(mode: Mode): ElementLoss {
    if (mode === 'generator') {
      const penalty = generatorPenalties[this.criterion];
      return {
        value: (_, fake) => penalty.value(tf.neg(fake)),
        gradients: (dy, real, fake) => {
          const ofFake = tf.neg(tf.mul(dy, penalty.derivative(tf.neg(fake))));
          return [flat(tf.zerosLike(real), fake), flat(ofFake, real)];
        },
      };
    }
    const ofReal = this.realPenalty;
    const ofFake = fakePenalties[this.criterion];
    return {
      value: (real, fake) => tf.add(ofReal.value(tf.neg(real)), ofFake.value(fake)),
      gradients: (dy, real, fake) => [
        flat(tf.neg(tf.mul(dy, ofReal.derivative(tf.neg(real)))), fake),
        flat(tf.mul(dy, ofFake.derivative(fake)), real),
      ],
    };
  }
}
tf.serialization.registerClass(StandardLoss);
