import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions, requireOneOf} from '../options.js';
import type {Averaging} from './averaging.js';
import {localAveraging} from './averaging.js';
import type {Criterion} from './criterion.js';
import type {ElementLoss} from './element-loss.js';
import {checkedElementLoss} from './element-loss.js';
import {reduceWithGradient} from './reduction.js';
import {requireCriterion, requireLogits, requireReduction, requireSampleWeight} from './validation.js';

/** Whose loss `apply` computes. */
export type Mode = 'discriminator' | 'generator';

/** What every GAN loss can be told. */
export interface GanLossOptions {
  /** Whose loss `apply` and `asLossFunction` compute. Default `'discriminator'`. */
  mode?: Mode;
  /** How a margin is penalised. Default `'crossEntropy'`. */
  criterion?: Criterion;
  /** How the elements become one number, as in `tf.losses`. Default `tf.Reduction.MEAN`. */
  reduction?: tf.Reduction;
  /** A name for logs and saved configurations. Default: the class's. */
  name?: string;
}

const GAN_LOSS_OPTIONS: OptionNames<GanLossOptions> = {mode: true, criterion: true, reduction: true, name: true};

/** What `GanLoss.withGradients` can be told. */
export interface WithGradientsOptions {
  /** Broadcasts against the logits and weighs the loss terms. */
  sampleWeight?: tf.Tensor;
  /** Where the averages' sums and counts come from. Default `localAveraging`: the given logits alone. */
  averaging?: Averaging;
}

const WITH_GRADIENTS_OPTIONS: OptionNames<WithGradientsOptions> = {sampleWeight: true, averaging: true};

/** Both losses of one batch and their gradients with respect to the logits. */
export interface LogitGradients {
  /** The discriminator's loss. */
  discriminatorLoss: tf.Scalar;
  /** The generator's. */
  generatorLoss: tf.Scalar;
  /** d discriminatorLoss / d realLogits, of the logits' shape. */
  discriminatorReal: tf.Tensor;
  /** d discriminatorLoss / d fakeLogits, of the logits' shape. */
  discriminatorFake: tf.Tensor;
  /** d generatorLoss / d fakeLogits, of the logits' shape. */
  generatorFake: tf.Tensor;
}

/**
 * A pair of losses for a GAN: one for the discriminator, one for the generator, both functions of the discriminator's
 * logits (no sigmoid) for real and for fake samples.
 *
 * The subclasses say what is compared with what: `RelativisticAverageLoss`, `RelativisticPairedLoss`, `StandardLoss`, and
 * those of your own, which need a `className` and an `elementLoss` (docs/custom-losses.md). Values and gradients are
 * computed in closed form; both are finite for logits up to 1e4, and the gradients can be differentiated again.
 *
 * @example
 * const losses: GanLoss[] = [new RelativisticAverageLoss(), new RelativisticPairedLoss(), new StandardLoss()];
 * for (const loss of losses) loss.discriminator(realLogits, fakeLogits).print();
 */
export abstract class GanLoss extends tf.serialization.Serializable {
  /** Whose loss `apply` and `asLossFunction` compute. */
  readonly mode: Mode;
  /** How a margin is penalised. */
  readonly criterion: Criterion;
  /** How the elements become one number. */
  readonly reduction: tf.Reduction;
  /** Its name in logs and saved configurations. */
  readonly name: string;

  /**
   * @param options what every loss can be told, and what the subclass can be told besides.
   * @param own the names of the latter, which the subclass looks at itself; any other name is refused.
   */
  protected constructor(options: GanLossOptions, own: Readonly<Record<string, true>> = {}) {
    super();
    const owner = this.getClassName() as string | undefined;
    if (owner === undefined) {
      throw new Error(`${this.constructor.name}: a subclass of GanLoss needs a static className of its own.`);
    }
    requireKnownOptions(owner, options, {...GAN_LOSS_OPTIONS, ...own});
    this.mode = options.mode ?? 'discriminator';
    this.criterion = options.criterion ?? 'crossEntropy';
    this.reduction = options.reduction ?? tf.Reduction.MEAN;
    this.name = options.name ?? owner;
    requireOneOf(owner, 'mode', this.mode, ['discriminator', 'generator']);
    requireCriterion(owner, this.criterion);
    requireReduction(owner, this.reduction);
  }

  /**
   * The element-wise loss of `mode`'s side for logits of the given rank. A mean over samples stays exact over the parts of
   * a batch if its sum and count go through `averaging`.
   */
  protected abstract elementLoss(mode: Mode, rank: number, averaging: Averaging): ElementLoss;

  /**
   * The discriminator's loss: low where real logits are above fake ones.
   *
   * @param realLogits float32 logits of real samples, `[batch, ...]`.
   * @param fakeLogits logits of generated samples, of the same shape.
   * @param sampleWeight broadcasts against the logits and weighs the loss terms (not the averages), as in
   *   `tf.losses.computeWeightedLoss`.
   * @returns a scalar; with `tf.Reduction.NONE` a tensor of the logits' shape, whose type is then yours to name, as with
   *   `tf.losses`.
   * @throws if the logits differ in shape, are empty, scalar or not float32, or the weight is no tensor or does not
   *   broadcast.
   */
  discriminator<O extends tf.Tensor = tf.Scalar>(
    realLogits: tf.Tensor,
    fakeLogits: tf.Tensor,
    sampleWeight?: tf.Tensor,
  ): O {
    return this.compute('discriminator', realLogits, fakeLogits, sampleWeight);
  }

  /**
   * The generator's loss: low where fake logits are above real ones. Arguments, result and refusals are those of
   * `discriminator`.
   */
  generator<O extends tf.Tensor = tf.Scalar>(
    realLogits: tf.Tensor,
    fakeLogits: tf.Tensor,
    sampleWeight?: tf.Tensor,
  ): O {
    return this.compute('generator', realLogits, fakeLogits, sampleWeight);
  }

  /** The loss of the side that `mode` names. Arguments, result and refusals are those of `discriminator`. */
  apply<O extends tf.Tensor = tf.Scalar>(realLogits: tf.Tensor, fakeLogits: tf.Tensor, sampleWeight?: tf.Tensor): O {
    return this.compute(this.mode, realLogits, fakeLogits, sampleWeight);
  }

  /**
   * This loss for `model.compile({loss})`: the targets are the real logits, the model's outputs the fake ones. With
   * `tf.Reduction.NONE` the mean, since a model trains on one number.
   *
   * @example
   * model.compile({optimizer: 'adam', loss: new RelativisticAverageLoss({mode: 'generator'}).asLossFunction()});
   */
  asLossFunction(): (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Scalar {
    return (yTrue, yPred) => tf.tidy(() => tf.mean(this.apply(yTrue, yPred)));
  }

  /**
   * Both losses and their gradients with respect to the logits, without a gradient tape: what a training step needs.
   *
   * With an `averaging` of several parts the losses are the whole's, and the gradients are those of this part's logits.
   *
   * @throws as `discriminator`, and for `tf.Reduction.NONE`.
   */
  withGradients(realLogits: tf.Tensor, fakeLogits: tf.Tensor, options: WithGradientsOptions = {}): LogitGradients {
    requireKnownOptions(`${this.getClassName()}.withGradients`, options, WITH_GRADIENTS_OPTIONS);
    const {sampleWeight, averaging = localAveraging} = options;
    this.check(realLogits, fakeLogits, sampleWeight);
    return tf.tidy(() => {
      const side = (mode: Mode) => {
        const element = this.checkedElementLoss(mode, realLogits, averaging);
        const elements = element.value(realLogits, fakeLogits);
        const {loss, elementGradient} = reduceWithGradient(elements, sampleWeight, this.reduction, averaging);
        const [real, fake] = element.gradients(elementGradient, realLogits, fakeLogits);
        return {loss, real, fake};
      };
      const discriminator = side('discriminator');
      const generator = side('generator');
      return {
        discriminatorLoss: discriminator.loss,
        generatorLoss: generator.loss,
        discriminatorReal: discriminator.real,
        discriminatorFake: discriminator.fake,
        generatorFake: generator.fake,
      };
    });
  }

  /** The options that make an equal loss: `new (loss.constructor)(loss.getConfig())`. */
  override getConfig(): tf.serialization.ConfigDict {
    return {mode: this.mode, criterion: this.criterion, reduction: this.reduction, name: this.name};
  }

  private compute<O extends tf.Tensor>(mode: Mode, real: tf.Tensor, fake: tf.Tensor, sampleWeight?: tf.Tensor): O {
    this.check(real, fake, sampleWeight);
    return tf.tidy(() => {
      const element = this.checkedElementLoss(mode, real, localAveraging);
      // The plain mean is taken together with the elements: its own gradient would cost as much as theirs.
      const mean = this.reduction === tf.Reduction.MEAN && !sampleWeight;
      // The gradient starts from the saved logits themselves, so that it can be differentiated again.
      const compute = tf.customGrad(((r: tf.Tensor, f: tf.Tensor, save: tf.GradSaveFunc) => {
        const elements = element.value(r, f);
        save([r, f]);
        const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
          element.gradients(mean ? tf.mul(dy, 1 / real.size) : dy, saved[0]!, saved[1]!);
        return {value: mean ? tf.mean(elements) : elements, gradFunc};
      }) as Parameters<typeof tf.customGrad>[0]);
      const value = compute(real, fake);
      return mean ? (value as O) : tf.losses.computeWeightedLoss(value, sampleWeight, this.reduction);
    });
  }

  private checkedElementLoss(mode: Mode, logits: tf.Tensor, averaging: Averaging): ElementLoss {
    return checkedElementLoss(this.getClassName(), this.elementLoss(mode, logits.rank, averaging), logits.shape);
  }

  private check(real: tf.Tensor, fake: tf.Tensor, sampleWeight: tf.Tensor | undefined): void {
    requireLogits(this.getClassName(), real, fake);
    if (sampleWeight) requireSampleWeight(this.getClassName(), sampleWeight, real);
  }
}
