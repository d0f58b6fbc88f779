import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {SafetensorsTensor} from './safetensors.js';

/** What sees images as a network does: the feature maps of the layers that are asked for, `[batch, height, width, channels]`, by name. */
export type Features = (images: tf.Tensor, layers: readonly string[]) => Record<string, tf.Tensor>;

/** The features of VGG19. */
export interface Vgg19Features extends Features {
  /** Frees the weights. */
  dispose(): void;
}

/** What `vgg19Features` is made from. */
export interface Vgg19FeaturesOptions {
  /**
   * The weights by torchvision's names, `features.0.weight` to `features.34.bias`, as `readSafetensors` gives them. Others,
   * such as those of the classifier, are left alone.
   */
  weights: Record<string, SafetensorsTensor>;
}

const VGG19_FEATURES_OPTIONS: OptionNames<Vgg19FeaturesOptions> = {weights: true};

/** Convolutions of each block, and the channels that they make. A pooling that halves the image follows each block. */
const BLOCKS = [
  {convolutions: 2, channels: 64},
  {convolutions: 2, channels: 128},
  {convolutions: 4, channels: 256},
  {convolutions: 4, channels: 512},
  {convolutions: 4, channels: 512},
];

/** Mean and standard deviation of ImageNet's images, by channel. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** The names of the layers, in order, each with its place among torchvision's `features`. */
const LAYERS = BLOCKS.flatMap(({convolutions}, block) => [
  ...Array.from({length: convolutions}, (_, i) => [`conv${block + 1}_${i + 1}`, `relu${block + 1}_${i + 1}`]).flat(),
  `pool${block + 1}`,
]);

/**
 * The features of VGG19 as ESRGAN's perceptual loss takes them: `conv1_1` to `conv5_4` before their activation, `relu1_1` to
 * `relu5_4` behind it, and `pool1` to `pool5`. Images are `[batch, height, width, 3]` in [0, 1]; ImageNet's normalisation is
 * done here. No layer behind the last that is asked for is computed.
 *
 * The weights are constants: gradients go to the images, and none of the weights are computed. They are yours to get
 * (docs/perceptual-losses.md has two lines of Python for it), 80 MB as float32, and to free with `dispose()`.
 *
 * @throws if an option is unknown, or a weight is missing or of another shape; when called, if a layer is unknown or the images are
 *   of another shape or too small for it.
 * @example
 * const {tensors} = readSafetensors(new Uint8Array(await (await fetch('vgg19.safetensors')).arrayBuffer()));
 * const features = vgg19Features({weights: tensors});
 * const {conv5_4} = features(tf.zeros([1, 128, 128, 3]), ['conv5_4']); // [1, 8, 8, 512]
 *
 * Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, https://arxiv.org/abs/1409.1556
 */
export function vgg19Features(options: Vgg19FeaturesOptions): Vgg19Features {
  requireKnownOptions('vgg19Features', options, VGG19_FEATURES_OPTIONS);
  const weights = readWeights(options.weights);
  const features = (images: tf.Tensor, layers: readonly string[]) => {
    requireImages(images, layers);
    return tf.tidy(() => follow(images as tf.Tensor4D, layers, weights));
  };
  return Object.assign(features, {dispose: () => tf.dispose(weights)});
}

/** A convolution's filter, `[3, 3, inputs, outputs]`, and bias. */
interface Convolution {
  filter: tf.Variable<tf.Rank.R4>;
  bias: tf.Variable;
  [name: string]: tf.Tensor;
}

function follow(images: tf.Tensor4D, layers: readonly string[], weights: Record<string, Convolution>) {
  const found: Record<string, tf.Tensor> = {};
  let x = tf.div<tf.Tensor4D>(tf.sub(images, MEAN), DEVIATION);
  for (const layer of LAYERS.slice(0, depth(layers))) {
    const convolution = weights[layer];
    if (convolution) x = tf.add(tf.conv2d(x, convolution.filter, 1, 'same'), convolution.bias);
    else if (layer.startsWith('relu')) x = tf.relu(x);
    else x = tf.maxPool(x, 2, 2, 'valid');
    if (layers.includes(layer)) found[layer] = x;
  }
  return found;
}

/** How many layers there are up to the last of these. */
function depth(layers: readonly string[]): number {
  return 1 + Math.max(-1, ...layers.map(layer => LAYERS.indexOf(layer)));
}

function readWeights(tensors: Vgg19FeaturesOptions['weights']): Record<string, Convolution> {
  let inputs = 3;
  const read = LAYERS.flatMap((layer, place) => {
    if (!layer.startsWith('conv')) return [];
    const {channels} = BLOCKS[Number(layer[4]) - 1]!;
    const shape: [number, number, number, number] = [3, 3, inputs, channels];
    const filter = valuesOf(tensors, `features.${place}.weight`, [channels, inputs, 3, 3]);
    const bias = valuesOf(tensors, `features.${place}.bias`, [channels]);
    inputs = channels;
    return [{layer, shape, filter, bias}];
  });
  // Variables, so that a captured step keeps them in its session instead of being given them with each call.
  const weights = read.map(({layer, shape, filter, bias}) => [
    layer,
    tf.tidy(() => ({
      filter: tf.variable(tf.tensor4d(channelsLast(filter, shape), shape), false),
      bias: tf.variable(tf.tensor1d(Float32Array.from(bias)), false),
    })),
  ]);
  return Object.fromEntries(weights) as Record<string, Convolution>;
}

/** PyTorch's filter, `[outputs, inputs, height, width]`, in TensorFlow's order: far faster than `tf.transpose` on the cpu backend. */
function channelsLast(filter: Float32Array | Float64Array, [height, width, inputs, outputs]: number[]): Float32Array {
  const taps = height! * width!;
  const values = new Float32Array(filter.length);
  let i = 0;
  for (let output = 0; output < outputs!; output++) {
    for (let input = 0; input < inputs!; input++) {
      for (let tap = 0; tap < taps; tap++) values[(tap * inputs! + input) * outputs! + output] = filter[i++]!;
    }
  }
  return values;
}

function valuesOf(
  tensors: Vgg19FeaturesOptions['weights'],
  name: string,
  expected: number[],
): Float32Array | Float64Array {
  const tensor = (tensors as Record<string, SafetensorsTensor | undefined> | undefined)?.[name];
  const needed = `vgg19Features: weights must hold ${name} of shape [${expected.join(', ')}], as torchvision's vgg19 does`;
  if (!tensor) throw new Error(`${needed}, but it does not; docs/perceptual-losses.md says how to get them.`);
  const {shape, data} = tensor;
  if (!tf.util.arraysEqual(shape, expected)) throw new Error(`${needed}, but its shape is [${shape.join(', ')}].`);
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new Error(`${needed}, in floating-point numbers, but its dtype is ${tensor.dtype}.`);
}

function requireImages(images: tf.Tensor, layers: readonly string[]): void {
  const unknown = layers.find(layer => !LAYERS.includes(layer));
  if (unknown !== undefined) {
    throw new Error(`vgg19Features: no layer is called '${unknown}'; there are ${LAYERS.join(', ')}.`);
  }
  const {shape} = images;
  const least = 2 ** LAYERS.slice(0, depth(layers)).filter(layer => layer.startsWith('pool')).length;
  if (shape.length !== 4 || shape[3] !== 3 || Math.min(shape[1], shape[2]) < least) {
    throw new Error(
      `vgg19Features: images must be [batch, height, width, 3] of at least ${least} x ${least} pixels for these layers, ` +
        `but they are [${shape.join(', ')}].`,
    );
  }
}
