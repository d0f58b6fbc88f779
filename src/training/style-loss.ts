import * as tf from '@tensorflow/tfjs';
import type {Features} from '../models/vgg19-features.js';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {FeatureCriterion} from './feature-loss.js';
import {featureLoss} from './feature-loss.js';
import type {GeneratorLoss} from './step.js';

/** What `styleLoss` can be told. */
export interface StyleLossOptions {
  /** Where the features come from: `vgg19Features`, or a function of your own that gives `[batch, ..., channels]`. */
  features: Features;
  /** The weight of each layer that is compared, by its name. Default 0.2 for `relu1_1` to `relu5_1`, as in Gatys' paper. */
  layers?: Record<string, number>;
  /** Default `'l1'`, as in BasicSR. */
  criterion?: FeatureCriterion;
}

const STYLE_LOSS_OPTIONS: OptionNames<StyleLossOptions> = {features: true, layers: true, criterion: true};

/** Gatys' layers: the first of each of VGG19's blocks. */
const LAYERS = {relu1_1: 0.2, relu2_1: 0.2, relu3_1: 0.2, relu4_1: 0.2, relu5_1: 0.2};

/**
 * The style loss, for the `loss` of a generator loss: the sum over layers k of w_k mean |G_k(output) - G_k(target)|, or of the
 * squares with `'l2'`, of each image's Gram matrix G_k = F'F / (c h w), with F the features as h w rows of c channels. It compares
 * which features occur together, and not where. Its gradient is that of the output alone.
 *
 * @throws if an option is unknown or out of range; when called, if the shapes differ, and what `features` throws.
 * @example
 * const generatorLosses = [{name: 'style', weight: 100, loss: styleLoss({features})}];
 *
 * Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", 2016; the matrix as in Johnson et al., "Perceptual
 * Losses for Real-Time Style Transfer and Super-Resolution", 2016, https://arxiv.org/abs/1603.08155
 */
export function styleLoss(options: StyleLossOptions): GeneratorLoss['loss'] {
  requireKnownOptions('styleLoss', options, STYLE_LOSS_OPTIONS);
  const {features, layers = LAYERS, criterion = 'l1'} = options;
  return featureLoss('styleLoss', {features, layers, criterion, view: gramMatrices});
}

/** [batch, ..., channels] to [batch, channels, channels]. */
function gramMatrices(map: tf.Tensor): tf.Tensor {
  const [batch, channels] = [map.shape[0], map.shape.at(-1)!];
  const rows = tf.reshape<tf.Rank.R3>(map, [batch, -1, channels]);
  return tf.div(tf.matMul(rows, rows, true), map.size / batch);
}
