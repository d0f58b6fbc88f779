import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {BilinearUpsampling} from './bilinear-upsampling.js';
import {fanInUniform, leakyRelu, requireWhole, seedSequence} from './layers.js';
import {spectralNormalization} from './spectral-normalization.js';

/** The size of Real-ESRGAN's critic. */
export interface UnetDiscriminatorOptions {
  /** Feature maps at full resolution; they double with each of three halvings. Default 64. */
  filters?: number;
  /** Seed of the initial weights, a whole number; without it they differ from run to run. */
  seed?: number;
}

const UNET_DISCRIMINATOR_OPTIONS: OptionNames<UnetDiscriminatorOptions> = {filters: true, seed: true};

/**
 * The critic of Real-ESRGAN: a U-Net that gives a logit for every pixel, judged by its surroundings at four resolutions,
 * with spectral normalisation of all convolutions but the first and the last.
 *
 * Input `[batch, height, width, 3]`, height and width multiples of 8; output `[batch, height, width, 1]` logits. Train it
 * with `axis: 'batch'`, `'spatial'` or `'all'`.
 *
 * @throws if an option is unknown or not a whole number in its range.
 * @example
 * const discriminator = unetDiscriminator({filters: 32});
 *
 * Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data", 2021,
 * https://arxiv.org/abs/2107.10833
 */
export function unetDiscriminator(options: UnetDiscriminatorOptions = {}): tf.LayersModel {
  requireKnownOptions('unetDiscriminator', options, UNET_DISCRIMINATOR_OPTIONS);
  const {filters = 64, seed} = options;
  requireWhole('unetDiscriminator', 'filters', filters);
  const nextSeed = seedSequence('unetDiscriminator', seed);

  let convolutions = 0;
  const normalized = (x: tf.SymbolicTensor, maps: number, kernelSize: number, strides = 1) => {
    const kernelInitializer = fanInUniform(nextSeed());
    const layer = tf.layers.conv2d({filters: maps, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer});
    convolutions++;
    const wrapped = spectralNormalization(layer, seed === undefined ? {} : {seed: seed + convolutions});
    return leakyRelu(wrapped.apply(x) as tf.SymbolicTensor);
  };
  const plain = (x: tf.SymbolicTensor, maps: number) => {
    const kernelInitializer = fanInUniform(nextSeed());
    return tf.layers.conv2d({filters: maps, kernelSize: 3, padding: 'same', kernelInitializer}).apply(x) as tf.SymbolicTensor;
  };
  const upsampled = (x: tf.SymbolicTensor) => new BilinearUpsampling({}).apply(x) as tf.SymbolicTensor;
  const add = (a: tf.SymbolicTensor, b: tf.SymbolicTensor) => tf.layers.add().apply([a, b]) as tf.SymbolicTensor;

  const input = tf.input({shape: [null, null, 3], name: 'image'});
  const encoded = [leakyRelu(plain(input, filters))];
  for (let stage = 1; stage <= 3; stage++) encoded.push(normalized(encoded.at(-1)!, filters * 2 ** stage, 4, 2));
  let features = encoded.pop()!;
  for (let stage = 2; stage >= 0; stage--) {
    features = add(normalized(upsampled(features), filters * 2 ** stage, 3), encoded.pop()!);
  }
  features = normalized(normalized(features, filters, 3), filters, 3);
  return tf.model({inputs: input, outputs: plain(features, 1), name: 'unet_discriminator'});
}
