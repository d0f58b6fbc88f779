import * as tf from '@tensorflow/tfjs';

/**
 * Gives every layer of a model its own seed, so that a seeded model is the same on every run. Refuses a seed that is no
 * whole number.
 */
export function seedSequence(model: string, seed: number | undefined): () => number | undefined {
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new Error(`${model}: seed must be a whole number, but it is ${seed}.`);
  }
  let next = seed;
  // To tfjs a seed of 0 is none. A fraction is as good, and no other layer's.
  return () => (next === undefined ? undefined : next++ || 0.5);
}

/** He initialisation of a layer followed by a ReLU, its standard deviation multiplied by `gain`. */
export function heNormal(seed: number | undefined, gain = 1) {
  // scale is a variance: 2 / fanIn is He's, and a factor on the weights enters it squared.
  return tf.initializers.varianceScaling({
    scale: 2 * gain * gain,
    mode: 'fanIn',
    distribution: 'normal',
    ...(seed === undefined ? {} : {seed}),
  });
}

/** Uniform within 1 / sqrt(fanIn): what PyTorch gives a convolution by default, and so what ESRGAN's outer layers start from. */
export function fanInUniform(seed: number | undefined) {
  return tf.initializers.varianceScaling({
    scale: 1 / 3,
    mode: 'fanIn',
    distribution: 'uniform',
    ...(seed === undefined ? {} : {seed}),
  });
}

/** Leaky ReLU with the slope 0.2 that ESRGAN uses throughout. */
export function leakyRelu(x: tf.SymbolicTensor): tf.SymbolicTensor {
  return tf.layers.leakyReLU({alpha: 0.2}).apply(x) as tf.SymbolicTensor;
}

/** Refuses anything but a whole number of at least `least`, naming the model and the option. */
export function requireWhole(model: string, option: string, value: number, least = 1): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${model}: ${option} must be a whole number of at least ${least}, but it is ${value}.`);
  }
}
