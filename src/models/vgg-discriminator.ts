import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {heNormal, leakyRelu, requireWhole, seedSequence} from './layers.js';

/** The size of the VGG critic; the defaults are those of BasicSR for ESRGAN, but for `batchNorm`. */
export interface VggDiscriminatorOptions {
  /** Height and width of the images it judges: 4 times a power of two, at least 8. Default 128. */
  size?: number;
  /** Feature maps of the first convolutions; they double with every halving of the image. Default 64. */
  filters?: number;
  /** Where the doubling stops. Default 8 * filters. */
  maxFilters?: number;
  /**
   * Batch normalisation after every convolution but the first, as the paper has it. Default false: the critic then
   * judges each image by itself, which lets one pass over the networks train both (see `GAN`).
   */
  batchNorm?: boolean;
  /** Seed of the initial weights, a whole number; without it they differ from run to run. */
  seed?: number;
}

const VGG_DISCRIMINATOR_OPTIONS: OptionNames<VggDiscriminatorOptions> = {
  size: true,
  filters: true,
  maxFilters: true,
  batchNorm: true,
  seed: true,
};

/**
 * The critic of SRGAN and ESRGAN: pairs of convolutions, the second of each halving the image, down to 4 x 4, then two
 * dense layers.
 *
 * Input `[batch, size, size, 3]`; output `[batch, 1]` logits (no sigmoid).
 *
 * @throws if an option is unknown, `size` is not 4 times a power of two, or another option is out of range.
 * @example
 * const discriminator = vggDiscriminator({size: 64, filters: 32});
 *
 * Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a GAN", 2017, https://arxiv.org/abs/1609.04802
 */
export function vggDiscriminator(options: VggDiscriminatorOptions = {}): tf.LayersModel {
  requireKnownOptions('vggDiscriminator', options, VGG_DISCRIMINATOR_OPTIONS);
  const {size = 128, filters = 64, batchNorm = false, seed} = options;
  const {maxFilters = 8 * filters} = options;
  const stages = Math.log2(size / 4);
  if (!Number.isInteger(stages) || stages < 1) {
    throw new Error(`vggDiscriminator: size must be 8, 16, 32, 64, 128, 256, ..., but it is ${size}.`);
  }
  requireWhole('vggDiscriminator', 'filters', filters);
  requireWhole('vggDiscriminator', 'maxFilters', maxFilters);
  const nextSeed = seedSequence('vggDiscriminator', seed);

  const convolution = (x: tf.SymbolicTensor, maps: number, kernelSize: number, strides: number, first = false) => {
    const normalised = batchNorm && !first;
    const layer = tf.layers.conv2d({
      filters: maps,
      kernelSize,
      strides,
      padding: 'same',
      useBias: !normalised,
      kernelInitializer: heNormal(nextSeed()),
    });
    const y = layer.apply(x) as tf.SymbolicTensor;
    return leakyRelu(normalised ? (tf.layers.batchNormalization().apply(y) as tf.SymbolicTensor) : y);
  };

  const input = tf.input({shape: [size, size, 3], name: 'image'});
  let features: tf.SymbolicTensor = input;
  for (let stage = 0; stage < stages; stage++) {
    const maps = Math.min(filters * 2 ** stage, maxFilters);
    features = convolution(features, maps, 3, 1, stage === 0);
    features = convolution(features, maps, 4, 2);
  }
  const dense = (x: tf.SymbolicTensor, units: number) =>
    tf.layers.dense({units, kernelInitializer: heNormal(nextSeed())}).apply(x) as tf.SymbolicTensor;
  const flat = tf.layers.flatten().apply(features) as tf.SymbolicTensor;
  const logits = dense(leakyRelu(dense(flat, 100)), 1);
  return tf.model({inputs: input, outputs: logits, name: 'vgg_discriminator'});
}
