import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireOneOf} from '../options.js';
import type {Averaging} from './averaging.js';
import {averageOver} from './averaging.js';
import type {Axis} from './axis.js';
import {axesOf, requireAxis} from './axis.js';
import {criterionPenalties} from './criterion.js';
import type {ElementLoss} from './element-loss.js';
import type {Mode} from './gan-loss.js';
import type {LabelledLossOptions} from './labelled-loss.js';
import {LabelledLoss} from './labelled-loss.js';
import {stopGradient} from './stop-gradient.js';

/** The options of every GAN loss, and what is averaged and how. */
export interface RelativisticAverageLossOptions extends LabelledLossOptions {
  /** What the average runs over: see `Axis`. Default `'batch'`. */
  axis?: Axis;
  /** Whether the gradient stops at the averages, as in BasicSR's discriminator step. Default false. */
  detachAverage?: boolean;
}

type OwnOptions = Omit<RelativisticAverageLossOptions, keyof LabelledLossOptions>;

const OWN_OPTIONS: OptionNames<OwnOptions> = {axis: true, detachAverage: true};

/**
 * The relativistic average GAN loss: each real logit against the average fake one, and the reverse.
 *
 * With r and f the logits, A the mean over `axis` and the criterion's penalty p (see `Criterion`),
 *
 *     discriminator = mean p(A f - r) + mean p(f - A r)
 *
 * and the generator's loss is the same with r and f swapped. For cross-entropy that is
 * mean softplus(-(r - A f)) + mean softplus(f - A r). The terms are summed, not halved, and the gradient flows through
 * the averages unless `detachAverage` is set. It does not change when a number is added to all logits.
 *
 * With `labelSmoothing` s the discriminator's label of real samples is 1 - s, the probability that one is more realistic than
 * the average fake: with m = r - A f its term is mean (softplus(-m) + s m) for cross-entropy, mean (m - 1 + s)^2 for least
 * squares.
 *
 * @example
 * const loss = new RelativisticAverageLoss({criterion: 'hinge'});
 * const value = loss.discriminator(realLogits, fakeLogits); // a scalar
 *
 * @throws if an option is unknown, has an unknown value or is out of range, labels are smoothed of a criterion without, or
 * `axis` is out of range for the logits.
 *
 * Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN", 2018,
 * https://arxiv.org/abs/1807.00734
 */
export class RelativisticAverageLoss extends LabelledLoss {
  /** The name by which `tf.serialization` finds the class. */
  static className = 'RelativisticAverageLoss';
  /** What the average runs over. */
  readonly axis: Axis;
  /** Whether the gradient stops at the averages. */
  readonly detachAverage: boolean;

  constructor(options: RelativisticAverageLossOptions = {}) {
    super(options, OWN_OPTIONS);
    this.axis = options.axis ?? 'batch';
    this.detachAverage = options.detachAverage ?? false;
    requireAxis(this.getClassName(), this.axis);
    requireOneOf(this.getClassName(), 'detachAverage', this.detachAverage, [true, false]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), axis: this.axis, detachAverage: this.detachAverage};
  }

  protected elementLoss(mode: Mode, rank: number, averaging: Averaging): ElementLoss {
    const axes = axesOf(this.getClassName(), this.axis, rank);
    const penalty = criterionPenalties[this.criterion];
    const highPenalty = mode === 'discriminator' ? this.realPenalty : penalty;
    const average = (values: tf.Tensor) => averageOver(values, axes, averaging);
    // The gradients are differentiated too, and must see the average as the value does.
    const compared = (values: tf.Tensor) => (this.detachAverage ? stopGradient(average(values)) : average(values));
    // high is the side whose logits should be above the other's average, low the other.
    const margins = (high: tf.Tensor, low: tf.Tensor) =>
      [tf.sub(compared(low), high), tf.sub(low, compared(high))] as const;
    const value = (high: tf.Tensor, low: tf.Tensor) => {
      const [ofHigh, ofLow] = margins(high, low);
      return tf.add(highPenalty.value(ofHigh), penalty.value(ofLow));
    };
    const gradients = (dy: tf.Tensor, high: tf.Tensor, low: tf.Tensor): [tf.Tensor, tf.Tensor] => {
      const [marginOfHigh, marginOfLow] = margins(high, low);
      const ofHigh = tf.mul(dy, highPenalty.derivative(marginOfHigh));
      const ofLow = tf.mul(dy, penalty.derivative(marginOfLow));
      if (this.detachAverage) return [tf.neg(ofHigh), ofLow];
      // An average over kept axes is its own transpose: what flows into it flows out averaged.
      return [tf.neg(tf.add(ofHigh, average(ofLow))), tf.add(ofLow, average(ofHigh))];
    };
    if (mode === 'discriminator') return {value, gradients};
    return {
      value: (real, fake) => value(fake, real),
      gradients: (dy, real, fake) => {
        const [ofFake, ofReal] = gradients(dy, fake, real);
        return [ofReal, ofFake];
      },
    };
  }
}
tf.serialization.registerClass(RelativisticAverageLoss);
