import * as tf from '@tensorflow/tfjs';
import {
  featureMatchingLoss,
  patchDiscriminator,
  spectralNormalization,
  unetDiscriminator,
  vggDiscriminator,
} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {expectTheSameHowever, trainedWith} from '../support/feature-loss-gan.js';
import type {TensorFlow} from '../support/float64.js';
import {loadFloat64} from '../support/float64.js';
import {countKernels} from '../support/kernels.js';
import {expectClose, valuesOf} from '../support/values.js';

const {conv2d, dense, flatten, leakyReLU} = tf.layers;

const random = (shape: number[], seed: number) => tf.randomUniform(shape, 0, 1, 'float32', seed);
const kernel = (seed: number) => ({kernelInitializer: tf.initializers.heNormal({seed})});

/** A small critic. */
const small = () =>
  tf.sequential({
    layers: [
      conv2d({
        inputShape: [6, 6, 3],
        filters: 4,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        ...kernel(1),
        name: 'first',
      }),
      leakyReLU({alpha: 0.2, name: 'activation'}),
      conv2d({filters: 5, kernelSize: 3, padding: 'same', activation: 'relu', ...kernel(2), name: 'second'}),
      flatten({name: 'flat'}),
      dense({units: 1, ...kernel(3), name: 'logits'}),
    ],
  });

type Shape = tf.Tensor4D['shape'];

/** What the loss is of the small critic, in float64. */
async function oracle(critic: tf.LayersModel, target: tf.Tensor): Promise<(output: number[]) => number> {
  const double: TensorFlow = loadFloat64();
  const copy = async (tensor: tf.Tensor) => double.tensor<tf.Rank.R4>(await valuesOf(tensor), tensor.shape as Shape);
  const weights = await Promise.all(critic.getWeights().map(copy));
  const [first, firstBias, second, secondBias] = weights as [tf.Tensor4D, tf.Tensor, tf.Tensor4D, tf.Tensor];
  const features = (images: tf.Tensor4D) => {
    const activation = double.leakyRelu(double.add(double.conv2d(images, first, 2, 'same'), firstBias), 0.2);
    return [
      activation,
      double.relu(double.add(double.conv2d(activation as tf.Tensor4D, second, 1, 'same'), secondBias)),
    ];
  };
  const expected = features(await copy(target));
  return output => {
    const actual = features(double.tensor<tf.Rank.R4>(output, target.shape as Shape));
    const terms = actual.map((map, i) => double.mean(double.abs(double.sub(map, expected[i]!))).dataSync()[0]!);
    return terms[0]! + terms[1]!;
  };
}

describeOnBackends('featureMatchingLoss', backend => {
  test("is pix2pixHD's, its gradient that of float64 differences, and no gradient of a weight is computed", async () => {
    const critic = small();
    const loss = featureMatchingLoss({critic});
    const [target, output] = [random([2, 6, 6, 3], 1), random([2, 6, 6, 3], 2)];
    const before = tf.memory().numTensors;
    const {result, kernels} = await countKernels(() => tf.valueAndGrad(x => loss(target, x))(output));
    expect(tf.memory().numTensors).toBe(before + 2);
    const at = await oracle(critic, target);
    const pixels = await valuesOf(output);
    expectClose(await valuesOf(result.value), [at(pixels)]);
    const moved = (i: number, by: number) => at(pixels.map((value, j) => (j === i ? value + by : value)));
    const some = pixels.map((_, i) => i).filter(i => i % 5 === 0);
    const slopes = some.map(i => (moved(i, 1e-6) - moved(i, -1e-6)) / 2e-6);
    const gradient = await valuesOf(result.grad);
    expectClose(
      some.map(i => gradient[i]!),
      slopes,
    );
    expect(kernels.Conv2DBackpropInput).toBe(2);
    expect(kernels.Conv2DBackpropFilter).toBeUndefined();
    // The logits are no feature.
    expect(kernels.BatchMatMul ?? kernels._FusedMatMul).toBeUndefined();
  });

  test('compares the layers that are named, by their weights and by squares where it is told so', async () => {
    const critic = small();
    const [target, output] = [random([2, 6, 6, 3], 1), random([2, 6, 6, 3], 2)];
    const seen = tf.model({inputs: critic.inputs, outputs: critic.getLayer('first').output});
    const [expected, actual] = [target, output].map(image => seen.predict(image) as tf.Tensor);
    const loss = featureMatchingLoss({critic, layers: {first: 2}, criterion: 'l2'});
    const {result, kernels} = await countKernels(() => loss(target, output));
    expectClose(await valuesOf(result), await valuesOf(actual!.sub(expected!).square().mean().mul(2)));
    // No layer behind the last that is named runs.
    expect(kernels.LeakyRelu).toBeUndefined();
  });

  test('takes the activations of the critics of this package, within another model too', async () => {
    for (const [critic, size] of [
      [patchDiscriminator({filters: 2, stages: 2, seed: 1}), 16],
      [vggDiscriminator({size: 32, filters: 2, seed: 1}), 32],
      [unetDiscriminator({filters: 2, seed: 1}), 16],
    ] as const) {
      const [target, output] = [random([1, size, size, 3], 1), random([1, size, size, 3], 2)];
      const value = await valuesOf(featureMatchingLoss({critic})(target, output));
      const image = tf.input({shape: [size, size, 3]});
      const outer = tf.model({inputs: image, outputs: critic.apply(image) as tf.SymbolicTensor});
      expect(await valuesOf(featureMatchingLoss({critic: outer})(target, output))).toEqual(value);
      // What a U-net's layers work on is upsampled, or has something added.
      if (critic.name.startsWith('unet')) continue;
      const activations = critic.layers
        .filter(layer => layer.getClassName() === 'LeakyReLU')
        .map(({name}) => [name, 1]);
      const layers = Object.fromEntries(activations) as Record<string, number>;
      expectClose(await valuesOf(featureMatchingLoss({critic, layers})(target, output)), value);
    }
  });

  test("leaves a spectral normalisation's vector as it is, and the averages of batch normalisation", async () => {
    const critic = tf.sequential({
      layers: [
        tf.layers.inputLayer({inputShape: [6, 6, 3]}),
        spectralNormalization(conv2d({filters: 4, kernelSize: 3, ...kernel(1)}), {seed: 1}),
        tf.layers.batchNormalization(),
        leakyReLU({alpha: 0.2}),
        flatten(),
        dense({units: 1, ...kernel(2)}),
      ],
    });
    const weights = async () => Promise.all(critic.getWeights().map(valuesOf));
    const before = await weights();
    const loss = featureMatchingLoss({critic});
    const {value, grad} = tf.valueAndGrad(x => loss(random([2, 6, 6, 3], 1), x))(random([2, 6, 6, 3], 2));
    expect((await valuesOf(value))[0]).toBeGreaterThan(0);
    expect((await valuesOf(grad)).some(one => one !== 0)).toBe(true);
    expect(await weights()).toEqual(before);
  });

  test("trains a GAN's generator, and leaves its critic alone", async () => {
    const loss = (criterion: 'l1' | 'l2') => (gan: {discriminator: tf.LayersModel}) =>
      featureMatchingLoss({critic: gan.discriminator, criterion});
    const {result, kernels} = await countKernels(() => trainedWith(loss('l1'), {steps: 1}));
    const without = await trainedWith(() => (_, output) => output.mean<tf.Scalar>().mul(0), {steps: 1});
    expect(result.critic).toEqual(without.critic);
    expect(result.generator).not.toEqual(without.generator);
    // Three convolutions of the generator and two of the critic.
    expect(kernels.Conv2DBackpropFilter).toBe(5);
    const {losses} = await trainedWith(loss('l1'), {steps: 6, discriminatorLearningRate: 0});
    expect(losses.at(-1)).toBeLessThan(0.95 * losses[0]!);
    await expectTheSameHowever(loss('l2'), backend === 'cpu' ? 3 : 6, backend);
  });

  test('refuses what it cannot use, with the way out', () => {
    const critic = small();
    expect(() => featureMatchingLoss({critic, layers: {conv: 1}})).toThrow(
      "featureMatchingLoss: the critic has no layer 'conv'; its layers are first, activation, second, flat, logits.",
    );
    expect(() => featureMatchingLoss({critic, layers: {}})).toThrow('featureMatchingLoss: layers must be weights');
    expect(() => featureMatchingLoss({critic, criterion: 'l3' as never})).toThrow('criterion must be one of');
    expect(() => featureMatchingLoss({critic: {} as never})).toThrow(
      'critic must be a tf.LayersModel, such as gan.discriminator, but it is object.',
    );
    const linear = tf.sequential({layers: [dense({units: 1, inputShape: [2]})]});
    expect(() => featureMatchingLoss({critic: linear})).toThrow('has nothing between its first layer and its last');
    const inputs = [tf.input({shape: [2]}), tf.input({shape: [2]})];
    const outputs = tf.layers.add().apply(inputs) as tf.SymbolicTensor;
    expect(() => featureMatchingLoss({critic: tf.model({inputs, outputs})})).toThrow(
      'critic must be a model of one input, since a generator loss knows no condition, but it takes 2; leave the loss out.',
    );
    class Own extends tf.LayersModel {}
    const own = new Own({inputs: critic.inputs, outputs: critic.outputs});
    expect(() => featureMatchingLoss({critic: own})).toThrow(
      'but it is of the class Own; wrap its layers in a tf.model.',
    );
  });
});
