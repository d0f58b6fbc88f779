import * as tf from '@tensorflow/tfjs';
import {criterionPenalties} from './criterion.js';
import type {ElementLoss} from './element-loss.js';
import type {GanLossOptions, Mode} from './gan-loss.js';
import {GanLoss} from './gan-loss.js';

/**
 * The relativistic paired GAN loss: real logit i against fake logit i, without an average.
 *
 * With the criterion's penalty p (see `Criterion`): discriminator = mean p(f - r), generator = mean p(r - f).
 *
 * @example
 * const value = new RelativisticPairedLoss().generator(realLogits, fakeLogits);
 *
 * @throws if an option is unknown or has an unknown value.
 *
 * Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734 (RpGAN); the loss of R3GAN, Huang et al., 2024,
 * https://arxiv.org/abs/2501.05441
 */
export class RelativisticPairedLoss extends GanLoss {
  /** The name by which `tf.serialization` finds the class. */
  static className = 'RelativisticPairedLoss';

  constructor(options: GanLossOptions = {}) {
    super(options);
  }

  protected elementLoss(mode: Mode): ElementLoss {
    const penalty = criterionPenalties[this.criterion];
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
