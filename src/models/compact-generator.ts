import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {fanInUniform, requireWhole, seedSequence} from './layers.js';
import {PixelShuffle} from './pixel-shuffle.js';

/** The size of Real-ESRGAN's compact generator; the defaults are those of its `realesr-animevideov3`. */
export interface CompactGeneratorOptions {
  /** How many times larger the output is, a whole number. Default 4. */
  scale?: number;
  /** Feature maps of all convolutions. Default 64. */
  filters?: number;
  /** Convolutions between the first and the last; `realesr-general-x4v3` has 32. Default 16. */
  convolutions?: number;
  /** Seed of the initial weights, a whole number; without it they differ from run to run. */
  seed?: number;
}

const COMPACT_GENERATOR_OPTIONS: OptionNames<CompactGeneratorOptions> = {
  scale: true,
  filters: true,
  convolutions: true,
  seed: true,
};

/**
 * The generator of Real-ESRGAN for slow machines and pages, SRVGGNetCompact: plain 3 x 3 convolutions with PReLU, all at
 * low resolution, whose last makes the pixels of what is added to the image enlarged by nearest neighbour.
 *
 * Input `[batch, height, width, 3]` of any height and width, values in [0, 1]; output `[batch, scale * height, scale *
 * width, 3]`, trained towards [0, 1] but not clipped to it.
 *
 * @throws if an option is unknown or not a whole number in its range.
 * @example
 * const generator = compactGenerator({scale: 2, filters: 24, convolutions: 8});
 * const large = generator.predict(tf.zeros([1, 16, 16, 3])); // [1, 32, 32, 3]
 *
 * Wang et al., "Real-ESRGAN", 2021, https://arxiv.org/abs/2107.10833; the network: https://github.com/xinntao/Real-ESRGAN
 */
export function compactGenerator(options: CompactGeneratorOptions = {}): tf.LayersModel {
  requireKnownOptions('compactGenerator', options, COMPACT_GENERATOR_OPTIONS);
  const {scale = 4, filters = 64, convolutions = 16, seed} = options;
  requireWhole('compactGenerator', 'scale', scale);
  requireWhole('compactGenerator', 'filters', filters);
  requireWhole('compactGenerator', 'convolutions', convolutions, 0);
  const nextSeed = seedSequence('compactGenerator', seed);

  const convolution = (x: tf.SymbolicTensor, maps: number) => {
    const kernelInitializer = fanInUniform(nextSeed());
    const layer = tf.layers.conv2d({filters: maps, kernelSize: 3, padding: 'same', kernelInitializer});
    return layer.apply(x) as tf.SymbolicTensor;
  };
  const activation = (x: tf.SymbolicTensor) => {
    const alphaInitializer = tf.initializers.constant({value: 0.25});
    // One slope for each feature map.
    return tf.layers.prelu({alphaInitializer, sharedAxes: [1, 2]}).apply(x) as tf.SymbolicTensor;
  };

  const input = tf.input({shape: [null, null, 3], name: 'low_resolution'});
  let features = activation(convolution(input, filters));
  for (let i = 0; i < convolutions; i++) features = activation(convolution(features, filters));
  const residual = new PixelShuffle({scale}).apply(convolution(features, 3 * scale * scale)) as tf.SymbolicTensor;
  const enlarged = tf.layers.upSampling2d({size: [scale, scale], interpolation: 'nearest'}).apply(input);
  const outputs = tf.layers.add().apply([residual, enlarged as tf.SymbolicTensor]) as tf.SymbolicTensor;
  return tf.model({inputs: input, outputs, name: 'compact_generator'});
}
