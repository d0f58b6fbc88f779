import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import type {Criterion, CriterionPenalty} from './criterion.js';
import {criterionPenalties} from './criterion.js';
import type {GanLossOptions} from './gan-loss.js';
import {GanLoss} from './gan-loss.js';

/** The options of every GAN loss, and how sure of real samples the discriminator is to be. */
export interface LabelledLossOptions extends GanLossOptions {
  /**
   * How far below 1 the label of real samples is in the discriminator's loss, at least 0 and below 0.5: fake ones and the
   * generator's loss keep theirs. For criteria with labels, `'crossEntropy'` and `'leastSquares'`. Default 0; 0.1 is usual.
   */
  labelSmoothing?: number;
}

type OwnOptions = Omit<LabelledLossOptions, keyof GanLossOptions>;

const OWN_OPTIONS: OptionNames<OwnOptions> = {labelSmoothing: true};

/**
 * The penalty of x = -m for a label of 1 - s, with m how far the logit of a real sample is above what it is compared with;
 * for s = 0 the criterion's own. Cross-entropy is that of a sample which is real with probability 1 - s.
 */
const smoothed: Partial<Record<Criterion, (s: number) => CriterionPenalty>> = {
  crossEntropy: s => ({
    value: x => tf.sub(criterionPenalties.crossEntropy.value(x), tf.mul(x, s)),
    derivative: x => tf.sub(criterionPenalties.crossEntropy.derivative(x), s),
  }),
  leastSquares: s => ({value: x => tf.square(tf.add(x, 1 - s)), derivative: x => tf.mul(tf.add(x, 1 - s), 2)}),
};

/** A loss whose discriminator gives real samples a label. */
export abstract class LabelledLoss extends GanLoss {
  /** How far below 1 the label of real samples is in the discriminator's loss. */
  readonly labelSmoothing: number;
  /** The penalty, in the discriminator's loss, of how far a real logit is below what it is compared with. */
  protected readonly realPenalty: CriterionPenalty;

  protected constructor(options: LabelledLossOptions, own: Readonly<Record<string, true>> = {}) {
    super(options, {...OWN_OPTIONS, ...own});
    this.labelSmoothing = options.labelSmoothing ?? 0;
    requireLabelSmoothing(this.getClassName(), this.labelSmoothing);
    const penalty = smoothed[this.criterion];
    if (this.labelSmoothing > 0 && !penalty) {
      throw new Error(
        `${this.getClassName()}: labelSmoothing needs a criterion with labels, '${Object.keys(smoothed).join("' or '")}', but it is ` +
          `'${this.criterion}', which has none.`,
      );
    }
    this.realPenalty = this.labelSmoothing > 0 ? penalty!(this.labelSmoothing) : criterionPenalties[this.criterion];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), labelSmoothing: this.labelSmoothing};
  }
}

/** `loss` with labels that are smoothed so far, whatever it was told itself. */
export function withLabelSmoothing(owner: string, loss: GanLoss, labelSmoothing: number): GanLoss {
  requireLabelSmoothing(owner, labelSmoothing);
  const {labelSmoothing: own = 0, ...config} = loss.getConfig();
  if (labelSmoothing === own) return loss;
  // Told by what it is made of: a loss may come from another copy of this package.
  if (!('labelSmoothing' in loss.getConfig())) {
    throw new Error(
      `${owner}: labelSmoothing needs a loss with labels, such as new StandardLoss(), but ${loss.getClassName()} has no such option.`,
    );
  }
  return new (loss.constructor as new (options: object) => GanLoss)({...config, labelSmoothing});
}

function requireLabelSmoothing(owner: string, labelSmoothing: number): void {
  if (Number.isFinite(labelSmoothing) && labelSmoothing >= 0 && labelSmoothing < 0.5) return;
  throw new Error(
    `${owner}: labelSmoothing must be a number of at least 0 and below 0.5, but it is ${JSON.stringify(labelSmoothing)}.`,
  );
}
