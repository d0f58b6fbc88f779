import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import {fanInUniform, heNormal, leakyRelu, requireWhole, seedSequence} from './layers.js';
import {PixelUnshuffle} from './pixel-unshuffle.js';

/** The size of ESRGAN's generator; the defaults are the paper's. */
export interface EsrganGeneratorOptions {
  /** How many times larger the output is: 1, 2, 3, 4 or 8. Default 4. */
  scale?: number;
  /**
   * The trunk works on an image that is so many times smaller, whose pixels became channels, and its output is enlarged as
   * many times more: Real-ESRGAN has 2 for a scale of 2, and 4 for one of 1. Default 1.
   */
  pixelUnshuffle?: number;
  /** Feature maps between the blocks. Default 64. */
  filters?: number;
  /** Feature maps that each convolution of a dense block adds. Default 32. */
  growth?: number;
  /** Residual-in-residual dense blocks. Default 23. */
  blocks?: number;
  /** Seed of the initial weights, a whole number; without it they differ from run to run. */
  seed?: number;
}

const ESRGAN_GENERATOR_OPTIONS: OptionNames<EsrganGeneratorOptions> = {
  scale: true,
  pixelUnshuffle: true,
  filters: true,
  growth: true,
  blocks: true,
  seed: true,
};

/** What the network can enlarge: by twos, or once by three as the original ESRGAN does. */
const SCALES = [1, 2, 3, 4, 8];

/** Every residual is scaled by this before it is added (the paper's beta). */
const RESIDUAL_SCALE = 0.2;

/**
 * The generator of ESRGAN: RRDBNet, a trunk of residual-in-residual dense blocks at low resolution followed by
 * nearest-neighbour upsampling and convolutions, without batch normalisation.
 *
 * Input `[batch, height, width, 3]` of any height and width (multiples of `pixelUnshuffle`), values in [0, 1]; output
 * `[batch, scale * height, scale * width, 3]`, trained towards [0, 1] but not clipped to it. The weights of the dense
 * blocks start at 0.1 times He's, so that the trunk begins close to the identity. Without `pixelUnshuffle` it is made of
 * standard TensorFlow.js layers only: a saved model loads anywhere with `tf.loadLayersModel`.
 *
 * @throws if an option is unknown, `scale` or `scale * pixelUnshuffle` is none of these, or another option is not a whole number in its range.
 * @example
 * const generator = esrganGenerator({scale: 4, filters: 32, growth: 16, blocks: 2});
 * const large = generator.predict(tf.zeros([1, 16, 16, 3])); // [1, 64, 64, 3]
 *
 * Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018, https://arxiv.org/abs/1809.00219
 */
export function esrganGenerator(options: EsrganGeneratorOptions = {}): tf.LayersModel {
  requireKnownOptions('esrganGenerator', options, ESRGAN_GENERATOR_OPTIONS);
  const {scale = 4, pixelUnshuffle = 1, filters = 64, growth = 32, blocks = 23, seed} = options;
  if (!SCALES.includes(scale)) {
    throw new Error(`esrganGenerator: scale must be 1, 2, 3, 4 or 8, but it is ${scale}.`);
  }
  const enlarged = scale * pixelUnshuffle;
  if (!SCALES.includes(enlarged) || !Number.isInteger(pixelUnshuffle)) {
    throw new Error(
      'esrganGenerator: pixelUnshuffle must be a whole number, and together with the scale make 1, 2, 3, 4 or 8, ' +
        `but it is ${pixelUnshuffle} with a scale of ${scale}.`,
    );
  }
  requireWhole('esrganGenerator', 'filters', filters);
  requireWhole('esrganGenerator', 'growth', growth);
  requireWhole('esrganGenerator', 'blocks', blocks);
  const nextSeed = seedSequence('esrganGenerator', seed);

  const outerConvolution = (x: tf.SymbolicTensor, maps: number) => convolution(x, maps, fanInUniform(nextSeed()));
  const denseBlock = (x: tf.SymbolicTensor): tf.SymbolicTensor => {
    const features = [x];
    for (let layer = 0; layer < 4; layer++) {
      features.push(leakyRelu(convolution(concatenate(features), growth, heNormal(nextSeed(), 0.1))));
    }
    return addScaled(x, convolution(concatenate(features), filters, heNormal(nextSeed(), 0.1)));
  };

  const input = tf.input({shape: [null, null, 3], name: 'low_resolution'});
  const unshuffled = pixelUnshuffle === 1 ? input : new PixelUnshuffle({scale: pixelUnshuffle}).apply(input);
  const shallow = outerConvolution(unshuffled as tf.SymbolicTensor, filters);
  let trunk = shallow;
  for (let block = 0; block < blocks; block++) {
    trunk = addScaled(trunk, denseBlock(denseBlock(denseBlock(trunk))));
  }
  let features = add(shallow, outerConvolution(trunk, filters));
  const steps = enlarged === 3 ? [3] : Array.from<number>({length: Math.log2(enlarged)}).fill(2);
  for (const step of steps) {
    const upsampled = tf.layers.upSampling2d({size: [step, step], interpolation: 'nearest'}).apply(features);
    features = leakyRelu(outerConvolution(upsampled as tf.SymbolicTensor, filters));
  }
  features = leakyRelu(outerConvolution(features, filters));
  return tf.model({inputs: input, outputs: outerConvolution(features, 3), name: 'esrgan_generator'});
}

type Initializer = ReturnType<typeof heNormal>;

function convolution(x: tf.SymbolicTensor, filters: number, kernelInitializer: Initializer): tf.SymbolicTensor {
  return tf.layers.conv2d({filters, kernelSize: 3, padding: 'same', kernelInitializer}).apply(x) as tf.SymbolicTensor;
}

function concatenate(features: tf.SymbolicTensor[]): tf.SymbolicTensor {
  const [only] = features;
  if (features.length === 1 && only) return only;
  return tf.layers.concatenate().apply([...features]) as tf.SymbolicTensor;
}

function add(a: tf.SymbolicTensor, b: tf.SymbolicTensor): tf.SymbolicTensor {
  return tf.layers.add().apply([a, b]) as tf.SymbolicTensor;
}

function addScaled(x: tf.SymbolicTensor, residual: tf.SymbolicTensor): tf.SymbolicTensor {
  return add(x, tf.layers.rescaling({scale: RESIDUAL_SCALE}).apply(residual) as tf.SymbolicTensor);
}
