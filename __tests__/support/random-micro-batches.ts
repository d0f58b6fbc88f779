import * as tf from '@tensorflow/tfjs';
import type {ElementLoss, GanLoss, GanLossOptions, Networks, Objective, Penalty} from 'tfjs-ragan';
import {
  GanLoss as AnyLoss,
  l1Loss,
  localAveraging,
  r1Penalty,
  r2Penalty,
  RelativisticAverageLoss,
  RelativisticPairedLoss,
  StandardLoss,
} from 'tfjs-ragan';
import {distanceToOne} from '../../src/training/penalties.js';
import {conditionalBatch, conditionalNetworks} from './conditional-gan.js';
import type {Dice} from './random-step.js';
import {networks} from './small-gan.js';

type Regularizer = ReturnType<typeof tf.regularizers.l2>;

/** A loss of one's own that knows nothing of averages over parts: each real logit against the largest fake one. */
export class AgainstTheBest extends AnyLoss {
  static className = 'AgainstTheBest';
  constructor(options: GanLossOptions = {}) {
    super(options);
  }
  protected elementLoss(mode: 'discriminator' | 'generator'): ElementLoss {
    const sign = mode === 'discriminator' ? 1 : -1;
    const margin = (real: tf.Tensor, fake: tf.Tensor) => tf.mul(tf.sub(tf.max(fake, 0, true), real), sign);
    return {
      value: (real, fake) => tf.softplus(margin(real, fake)),
      gradients: (dy, real, fake) => {
        const ofMargin = tf.mul(dy, tf.mul(tf.sigmoid(margin(real, fake)), sign));
        const isBest = tf.cast(tf.equal(fake, tf.max(fake, 0, true)), 'float32');
        return [tf.neg(ofMargin), tf.mul(isBest, tf.sum(ofMargin, 0, true))];
      },
    };
  }
}

/** Images to images, and a critic with a logit for each of 3x3 patches. */
export const patchNetworks = (kernelRegularizer?: Regularizer) => {
  const kernel = (seed: number) => ({
    kernelInitializer: tf.initializers.glorotNormal({seed}),
    ...(kernelRegularizer && {kernelRegularizer}),
  });
  const generator = tf.sequential({
    layers: [
      tf.layers.conv2d({filters: 3, kernelSize: 3, padding: 'same', inputShape: [6, 6, 2], ...kernel(1)}),
      tf.layers.leakyReLU({alpha: 0.2}),
      tf.layers.conv2d({filters: 2, kernelSize: 3, padding: 'same', activation: 'tanh', ...kernel(2)}),
    ],
  });
  const discriminator = tf.sequential({
    layers: [
      tf.layers.conv2d({filters: 4, kernelSize: 3, strides: 2, padding: 'same', inputShape: [6, 6, 2], ...kernel(3)}),
      tf.layers.leakyReLU({alpha: 0.2}),
      tf.layers.conv2d({filters: 1, kernelSize: 3, padding: 'same', ...kernel(4)}),
    ],
  });
  return {generator, discriminator};
};

/** A penalty of one's own: the mean square of the critic's logits. */
const drift: Penalty = {
  name: 'drift',
  weight: 0.1,
  penalty: (critic, real, fake) => tf.mean(tf.square(tf.add(critic(real), critic(fake)))),
};

/** As `wganPenalty`, but always in the middle: the same mixture for the whole batch and for its parts. */
const middle: Penalty = {
  name: 'middle',
  weight: 10,
  penalty: (critic, real, fake) => distanceToOne(critic, tf.mul(tf.add(real, fake), 0.5)),
};

/** What a step may be given: networks and as many samples for them. */
export interface RandomNetworks {
  networks: Networks;
  batch: {xs: tf.Tensor | tf.Tensor[]; ys: tf.Tensor; condition?: tf.Tensor[]};
  /** Whether the critic gives each sample one logit. */
  hasOneLogit: boolean;
}

/** Of patches, dense ones, or those with a condition. */
export function randomNetworks(dice: Dice, samples: number): RandomNetworks {
  return dice.pick<() => RandomNetworks>([
    () => {
      const [xs, ys] = [dice.tensor([samples, 6, 6, 2]), dice.tensor([samples, 6, 6, 2])];
      const regularizer = dice.chance(0.3) ? tf.regularizers.l2({l2: 0.01}) : undefined;
      return {networks: patchNetworks(regularizer), batch: {xs, ys}, hasOneLogit: false};
    },
    () => {
      const batch = {xs: dice.tensor([samples, 4]), ys: dice.tensor([samples, 3])};
      return {networks: networks(), batch, hasOneLogit: true};
    },
    () => ({networks: conditionalNetworks(), batch: conditionalBatch(samples), hasOneLogit: true}),
  ])();
}

/** An objective out of all that there are. */
export function randomObjective(dice: Dice): Objective {
  const {MEAN, SUM, SUM_BY_NONZERO_WEIGHTS} = tf.Reduction;
  const options: GanLossOptions = {
    criterion: dice.pick(['crossEntropy', 'leastSquares', 'hinge', 'wasserstein'] as const),
    reduction: dice.pick([MEAN, SUM, SUM_BY_NONZERO_WEIGHTS]),
  };
  const hasLabels = options.criterion === 'crossEntropy' || options.criterion === 'leastSquares';
  const labelled = {...options, labelSmoothing: hasLabels ? dice.pick([0, 0.1]) : 0};
  const loss = dice.pick<() => GanLoss>([
    () =>
      new RelativisticAverageLoss({
        ...labelled,
        axis: dice.pick(['batch', 'spatial', 'all', -1, [0, 1]] as const) as 'batch',
        detachAverage: dice.chance(0.3),
      }),
    () => new RelativisticPairedLoss(labelled),
    () => new StandardLoss(labelled),
    () => new AgainstTheBest(options),
  ])();
  return {
    loss,
    adversarialWeight: dice.pick([1, 0.05, 0]),
    generatorLosses: [
      {name: 'content', weight: 2, loss: l1Loss},
      {
        name: 'squares',
        weight: 0.5,
        loss: (target: tf.Tensor, output: tf.Tensor) => tf.losses.meanSquaredError(target, output),
      },
    ].slice(0, dice.below(3)) as Objective['generatorLosses'],
    penalties: [r1Penalty({gamma: 3}), r2Penalty({gamma: 1}), middle, drift].filter(() => dice.chance(0.25)),
    averaging: localAveraging,
    lanes: dice.pick([1, 2]),
    recompute: dice.chance(0.5),
  };
}
