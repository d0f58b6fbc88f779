// A generator that draws the digit it is asked for, and a critic that is told which digit a picture is to be.
import * as tf from '@tensorflow/tfjs';
import {CLASSES, LATENTS, SIZE} from './data.js';

/** Noise and a digit to a picture from -1 to 1. */
export function digitGenerator(seed) {
  const {concatenate, convolution, leaky, linear, reshape, twice} = layers(seed);
  const noise = tf.input({shape: [LATENTS], name: 'noise'});
  const digit = tf.input({shape: [CLASSES], name: 'digit'});
  const small = reshape(linear(concatenate([noise, digit]), 64 * (SIZE / 4) ** 2), [SIZE / 4, SIZE / 4, 64]);
  const middle = leaky(convolution(twice(leaky(small)), 32));
  const large = leaky(convolution(twice(middle), 32));
  return tf.model({inputs: [noise, digit], outputs: convolution(large, 1, {activation: 'tanh'})});
}

/** A picture and a digit to a logit. */
export function digitCritic(seed) {
  const {concatenate, convolution, flatten, leaky, linear, reshape} = layers(seed);
  const picture = tf.input({shape: [SIZE, SIZE, 1], name: 'picture'});
  const digit = tf.input({shape: [CLASSES], name: 'digit'});
  const map = reshape(linear(digit, SIZE * SIZE), [SIZE, SIZE, 1]);
  const large = leaky(convolution(concatenate([picture, map]), 32));
  const middle = leaky(convolution(large, 32, {strides: 2}));
  const small = leaky(convolution(middle, 64, {strides: 2}));
  return tf.model({inputs: [picture, digit], outputs: linear(flatten(small), 1)});
}

/** Layers as functions; their weights follow from the seed, and differ from layer to layer. */
function layers(seed) {
  let number = 1000 * seed;
  const initial = () => ({kernelInitializer: tf.initializers.heNormal({seed: ++number})});
  const apply = (layer, input) => layer.apply(input);
  return {
    concatenate: inputs => apply(tf.layers.concatenate(), inputs),
    convolution: (input, filters, more = {}) =>
      apply(tf.layers.conv2d({filters, kernelSize: 3, padding: 'same', ...initial(), ...more}), input),
    flatten: input => apply(tf.layers.flatten(), input),
    leaky: input => apply(tf.layers.leakyReLU({alpha: 0.2}), input),
    linear: (input, units) => apply(tf.layers.dense({units, ...initial()}), input),
    reshape: (input, targetShape) => apply(tf.layers.reshape({targetShape}), input),
    twice: input => apply(tf.layers.upSampling2d({}), input),
  };
}
