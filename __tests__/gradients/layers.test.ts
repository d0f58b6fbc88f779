import * as tf from '@tensorflow/tfjs';
import {describeOnBackends} from '../support/backends.js';
import {valuesOf} from '../support/values.js';

const {layers} = tf;

/** Layers that stand in critics, each on images of [4, 4, 3]. */
const LAYERS: Record<string, () => tf.layers.Layer> = {
  'activation elu': () => layers.activation({activation: 'elu'}),
  'activation selu': () => layers.activation({activation: 'selu'}),
  'activation sigmoid': () => layers.activation({activation: 'sigmoid'}),
  'activation softplus': () => layers.activation({activation: 'softplus'}),
  'activation swish': () => layers.activation({activation: 'swish'}),
  'activation mish': () => layers.activation({activation: 'mish'}),
  'activation hardSigmoid': () => layers.activation({activation: 'hardSigmoid'}),
  softmax: () => layers.softmax({axis: 3}),
  elu: () => layers.elu(),
  leakyReLU: () => layers.leakyReLU(),
  prelu: () => layers.prelu({alphaInitializer: 'randomNormal'}),
  reLU: () => layers.reLU({maxValue: 6}),
  thresholdedReLU: () => layers.thresholdedReLU({theta: 0.3}),
  conv2d: () => layers.conv2d({filters: 2, kernelSize: 3, strides: 2, padding: 'same', activation: 'elu'}),
  conv2dTranspose: () => layers.conv2dTranspose({filters: 2, kernelSize: 3, strides: 2, padding: 'same'}),
  depthwiseConv2d: () => layers.depthwiseConv2d({kernelSize: 3, padding: 'same', activation: 'tanh'}),
  separableConv2d: () => layers.separableConv2d({filters: 2, kernelSize: 3, activation: 'selu'}),
  averagePooling2d: () => layers.averagePooling2d({poolSize: 3, strides: 2, padding: 'same'}),
  maxPooling2d: () => layers.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}),
  globalMaxPooling2d: () => layers.globalMaxPooling2d({}),
  'upSampling2d nearest': () => layers.upSampling2d({size: [2, 2], interpolation: 'nearest'}),
  'upSampling2d bilinear': () => layers.upSampling2d({size: [2, 2], interpolation: 'bilinear'}),
  batchNormalization: () => layers.batchNormalization({}),
  layerNormalization: () => layers.layerNormalization({}),
};

describeOnBackends('gradient penalties through layers', () => {
  // What seeds the layers' weights: by some, two steps of a difference would lie on two sides of a corner.
  beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(0.25));
  afterEach(() => jest.restoreAllMocks());

  test.each(Object.keys(LAYERS))('%s', async name => {
    const layer = LAYERS[name]!();
    const x = tf.randomNormal<tf.Rank.R4>([2, 4, 4, 3], 0, 1, 'float32', 1);
    const direction = tf.randomNormal(x.shape, 0, 1, 'float32', 2);
    const weights = tf.tidy(() => tf.randomNormal((layer.apply(x) as tf.Tensor).shape, 0, 1, 'float32', 3));
    // Half the square of an output makes the gradient depend on x where the layer is linear.
    const score = (z: tf.Tensor) => {
      const y = layer.apply(z, {training: true}) as tf.Tensor;
      return y.add(y.square().div(2)).mul(weights).sum();
    };
    const penalty = (z: tf.Tensor) => tf.grad(score)(z).square().mean<tf.Scalar>();
    const before = tf.memory().numTensors;
    const slopes = tf.tidy(() => {
      const step = 2e-3;
      const at = (t: number) => penalty(x.add(direction.mul(t)));
      return tf.stack([
        tf.grad(penalty)(x).mul(direction).sum(),
        at(step)
          .sub(at(-step))
          .div(2 * step),
      ]);
    });
    const [actual, expected] = await valuesOf(slopes);
    slopes.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(expected).not.toBe(0);
    expect(Math.abs(actual! - expected!)).toBeLessThan(1e-2 * Math.abs(expected!));
    tf.dispose([x, direction, weights]);
    layer.dispose();
  });
});
