import type {Features} from '../models/vgg19-features.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {FeatureCriterion} from './feature-loss.js';
import {featureLoss} from './feature-loss.js';
import type {GeneratorLoss} from './step.js';

/** What `perceptualLoss` can be told. */
export interface PerceptualLossOptions {
  /** Where the features come from: `vgg19Features`, or a function of your own. */
  features: Features;
  /** The weight of each layer that is compared, by its name. Default `{conv5_4: 1}`, ESRGAN's. */
  layers?: Record<string, number>;
  /** Default `'l1'`, as in BasicSR. */
  criterion?: FeatureCriterion;
}

const PERCEPTUAL_LOSS_OPTIONS: OptionNames<PerceptualLossOptions> = {features: true, layers: true, criterion: true};

/**
 * The layers of VGG19 that Real-ESRGAN compares, with their weights: for the `layers` of `perceptualLoss`.
 *
 * Wang et al., "Real-ESRGAN", 2021, https://arxiv.org/abs/2107.10833; options/train_realesrgan_x4plus.yml of its code
 */
export const realEsrganLayers: Readonly<Record<string, number>> = {
  conv1_2: 0.1,
  conv2_2: 0.1,
  conv3_4: 1,
  conv4_4: 1,
  conv5_4: 1,
};

/**
 * The perceptual loss of ESRGAN, for the `loss` of a generator loss: the sum over layers k of w_k mean |f_k(output) - f_k(target)|,
 * or of the squares with `'l2'`. Target and output are `[batch, height, width, 3]` in [0, 1].
 *
 * Its gradient is that of the output alone: the target's features are constants, and no gradient of the weights of
 * `vgg19Features` is computed. ESRGAN adds it with the weight 1 to 0.01 times the pixel loss and 0.005 times the adversarial
 * one; Real-ESRGAN takes `realEsrganLayers`, with 1 for the pixel loss and 0.1 for the adversarial one.
 *
 * @throws if an option is unknown or out of range; when called, if the shapes differ, and what `features` throws.
 * @example
 * const generatorLosses = [
 *   {name: 'content', weight: 0.01, loss: l1Loss},
 *   {name: 'perceptual', weight: 1, loss: perceptualLoss({features, layers: {conv5_4: 1}})},
 * ];
 *
 * Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", 2016, https://arxiv.org/abs/1603.08155;
 * before the activation: Wang et al., "ESRGAN", 2018, https://arxiv.org/abs/1809.00219
 */
export function perceptualLoss(options: PerceptualLossOptions): GeneratorLoss['loss'] {
  requireKnownOptions('perceptualLoss', options, PERCEPTUAL_LOSS_OPTIONS);
  const {features, layers = {conv5_4: 1}, criterion = 'l1'} = options;
  return featureLoss('perceptualLoss', {features, layers, criterion});
}
