import * as tf from '@tensorflow/tfjs';
import {criterionPenalties} from './criterion.js';
import type {ElementLoss} from './element-loss.js';
import type {Mode} from './gan-loss.js';
import type {LabelledLossOptions} from './labelled-loss.js';
import {LabelledLoss} from './labelled-loss.js';

/**
 * The relativistic paired GAN loss: real logit i against fake logit i, without an average.
 *
 * With the criterion's penalty p (see `Criterion`): discriminator = mean p(f - r), generator = mean p(r - f). With
 * `labelSmoothing` s the discriminator's label is 1 - s, the probability that the real one is the more realistic of a pair:
 * mean (softplus(f - r) + s (r - f)) for cross-entropy, mean (r - f - 1 + s)^2 for least squares.
 *
 * @example
 * const value = new RelativisticPairedLoss().generator(realLogits, fakeLogits);
 *
 * @throws if an option is unknown, has an unknown value or is out of range, or labels are smoothed of a criterion without.
 *
 * Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734 (RpGAN); the loss of R3GAN, Huang et al., 2024,
 * https://arxiv.org/abs/2501.05441
 */
export class RelativisticPairedLoss extends LabelledLoss {
  /** The name by which `tf.serialization` finds the class. */
  static className = 'RelativisticPairedLoss';

  constructor(options: LabelledLossOptions = {}) {
    super(options);
  }

  protected elementLoss(mode: Mode): ElementLoss {
    const penalty = mode === 'discriminator' ? this.realPenalty : criterionPenalties[this.criterion];
    const margin = (real: tf.Tensor, fake: tf.Tensor) =>
      mode === 'discriminator' ? tf.sub(fake, real) : tf.sub(real, fake);
    return {
      value: (real, fake) => penalty.value(margin(real, fake)),
      gradients: (dy, real, fake) => {
        const up = tf.mul(dy, penalty.derivative(margin(real, fake)));
        const down = tf.neg(up);
        return mode === 'discriminator' ? [down, up] : [up, down];
      },
    };
  }
}
tf.serialization.registerClass(RelativisticPairedLoss);
