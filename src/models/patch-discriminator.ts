import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {heNormal, leakyRelu, requireWhole, seedSequence} from './layers.js';

/** The size of the patch critic. */
export interface PatchDiscriminatorOptions {
  /** Feature maps of the first convolution; they double with every halving, up to 8 times as many. Default 64. */
  filters?: number;
  /** How many times the image is halved. Default 3, which makes each logit see 70 x 70 pixels. */
  stages?: number;
  /** Seed of the initial weights, a whole number; without it they differ from run to run. */
  seed?: number;
}

const PATCH_DISCRIMINATOR_OPTIONS: OptionNames<PatchDiscriminatorOptions> = {filters: true, stages: true, seed: true};

/**
 * A fully convolutional critic that gives a map of logits, one for each overlapping patch of the image (PatchGAN).
 *
 * Input `[batch, height, width, 3]` of any size; output `[batch, height / 2^stages, width / 2^stages, 1]` logits, sizes
 * rounded up. Train it with `axis: 'batch'`, `'spatial'` or `'all'`.
 *
 * @throws if an option is unknown or not a whole number in its range.
 * @example
 * const discriminator = patchDiscriminator({filters: 32, stages: 2});
 *
 * Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017, https://arxiv.org/abs/1611.07004
 */
export function patchDiscriminator(options: PatchDiscriminatorOptions = {}): tf.LayersModel {
  requireKnownOptions('patchDiscriminator', options, PATCH_DISCRIMINATOR_OPTIONS);
  const {filters = 64, stages = 3, seed} = options;
  requireWhole('patchDiscriminator', 'filters', filters);
  requireWhole('patchDiscriminator', 'stages', stages);
  const nextSeed = seedSequence('patchDiscriminator', seed);

  const convolution = (x: tf.SymbolicTensor, maps: number, strides: number) => {
    const kernelInitializer = heNormal(nextSeed());
    return tf.layers
      .conv2d({filters: maps, kernelSize: 4, strides, padding: 'same', kernelInitializer})
      .apply(x) as tf.SymbolicTensor;
  };

  const input = tf.input({shape: [null, null, 3], name: 'image'});
  let features: tf.SymbolicTensor = input;
  for (let stage = 0; stage < stages; stage++) {
    features = leakyRelu(convolution(features, filters * Math.min(2 ** stage, 8), 2));
  }
  features = leakyRelu(convolution(features, filters * Math.min(2 ** stages, 8), 1));
  return tf.model({inputs: input, outputs: convolution(features, 1, 1), name: 'patch_discriminator'});
}
