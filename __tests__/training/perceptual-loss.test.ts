import * as tf from '@tensorflow/tfjs';
import type {FeatureCriterion, Vgg19Features} from 'tfjs-ragan';
import {perceptualLoss, realEsrganLayers, vgg19Features} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {expectTheSameHowever, trainedWith} from '../support/feature-loss-gan.js';
import {readGoldens} from '../support/golden.js';
import {countKernels} from '../support/kernels.js';
import {expectClose, valuesOf} from '../support/values.js';
import {vgg19Weights} from '../support/vgg19.js';

interface Golden {
  input: number[];
  target: number[];
  shape: [number, number, number, number];
  weights: Record<string, number>;
  loss: number;
  gradient: number[];
}

const golden = readGoldens<Golden>('nets/vgg19');

/** Two feature maps of an image, by hand. */
const plain = (images: tf.Tensor, layers: readonly string[]) =>
  Object.fromEntries(layers.map(name => [name, name === 'double' ? images.mul(2) : images.square()]));

describeOnBackends('perceptualLoss of VGG19', backend => {
  let features: Vgg19Features;
  beforeAll(() => {
    features = vgg19Features({weights: vgg19Weights()});
  });
  afterAll(() => features.dispose());

  test("by Real-ESRGAN's layers and its gradient are PyTorch's, and no gradient of a weight is computed", async () => {
    expect(realEsrganLayers).toEqual(golden.weights);
    const loss = perceptualLoss({features, layers: realEsrganLayers});
    const [input, target] = [golden.input, golden.target].map(values => tf.tensor4d(values, golden.shape));
    const before = tf.memory().numTensors;
    const {result, kernels} = await countKernels(() => tf.valueAndGrad(x => loss(target!, x))(input!));
    expect(tf.memory().numTensors).toBe(before + 2);
    expectClose(await valuesOf(result.value), [golden.loss], 1e-5);
    expectClose(await valuesOf(result.grad), golden.gradient, 1e-4);
    // Forward for both images, back for one.
    expect(kernels.Conv2D).toBe(32);
    expect(kernels.Conv2DBackpropInput).toBe(16);
    expect(kernels.Conv2DBackpropFilter).toBeUndefined();
    tf.dispose([result.value, result.grad, input!, target!]);
  });

  // On the cpu backend a second convolution takes as long as all the rest.
  const [names, steps] = backend === 'cpu' ? [['conv1_1'], 3] : [['conv1_1', 'conv2_1'], 6];
  const lossOf = (weight: number, criterion: FeatureCriterion) =>
    perceptualLoss({features, layers: Object.fromEntries(names.map(name => [name, weight])), criterion});

  test("trains a GAN's generator, and computes gradients of both networks' filters alone", async () => {
    const {result, kernels} = await countKernels(() => trainedWith(() => lossOf(0.2, 'l1'), {steps}));
    expect(result.losses.at(-1)).toBeLessThan(0.95 * result.losses[0]!);
    // Three convolutions of the generator and two of the critic.
    expect(kernels.Conv2DBackpropFilter).toBe(5 * steps);
  });

  test("gives a GAN's step the same numbers however it is computed", async () => {
    // Squares, since the gradient of |x| jumps at 0, where rounding decides on which side a difference is.
    await expectTheSameHowever(() => lossOf(0.02, 'l2'), steps, backend);
  });
});

describeOnBackends('perceptualLoss of features by hand', () => {
  test('is a weighted sum of differences, absolute or squared', async () => {
    const [target, output] = [tf.tensor4d([0, 1, 2], [1, 1, 1, 3]), tf.tensor4d([1, 3, 0], [1, 1, 1, 3])];
    const layers = {double: 3, square: 0.5};
    const before = tf.memory().numTensors;
    const values = [{}, {criterion: 'l2' as const}].map(options =>
      perceptualLoss({features: plain, layers, ...options})(target, output),
    );
    expect(tf.memory().numTensors).toBe(before + 2);
    // Doubled the differences are 2, 4, 4; squared 1, 8, 4.
    expectClose(await valuesOf(values[0]!), [3 * (10 / 3) + 0.5 * (13 / 3)]);
    expectClose(await valuesOf(values[1]!), [3 * 12 + 0.5 * 27]);
  });

  test("takes ESRGAN's layer by default", () => {
    const asked: (readonly string[])[] = [];
    const features = (images: tf.Tensor, layers: readonly string[]) => {
      asked.push(layers);
      return {conv5_4: images};
    };
    const image = tf.zeros([1, 2, 2, 3]);
    const value = perceptualLoss({features})(image, image);
    expect(asked).toEqual([['conv5_4'], ['conv5_4']]);
    expect(value.shape).toEqual([]);
  });

  test('takes the features of the target as constants', async () => {
    const loss = perceptualLoss({features: plain, layers: {square: 1}});
    const [toTarget, toOutput] = tf.grads((target, output) => loss(target, output).add(target.sum()))([
      tf.zeros([1, 2]),
      tf.ones([1, 2]),
    ]);
    expect(await valuesOf(toTarget!)).toEqual([1, 1]);
    expect(await valuesOf(toOutput!)).toEqual([1, 1]);
  });

  test('refuses what it cannot use, with the way out', () => {
    expect(() => perceptualLoss({features: plain, criterion: 'fro' as never})).toThrow(
      'perceptualLoss: criterion must be one of "l1", "l2", but it is "fro".',
    );
    expect(() => perceptualLoss({features: {} as never})).toThrow('features must be a function of images and layers');
    for (const layers of [{}, null as never, {double: NaN}, {double: '1' as never}]) {
      expect(() => perceptualLoss({features: plain, layers})).toThrow(
        "perceptualLoss: layers must be weights by the layers' names, such as {conv5_4: 1}, but it is",
      );
    }
    const image = tf.zeros([1, 2, 2, 3]);
    expect(() => perceptualLoss({features: () => ({other: image})})(image, image)).toThrow(
      "perceptualLoss: features gave none for the layer 'conv5_4'; name in layers those it has.",
    );
    const loss = perceptualLoss({features: plain, layers: {double: 1}});
    const before = tf.memory().numTensors;
    expect(() => tf.tidy(() => loss(tf.zeros([1, 2, 2, 3]), tf.zeros([1, 2, 3, 3])))).toThrow(
      'target and output must have the same shape, but they are [1, 2, 2, 3] and [1, 2, 3, 3].',
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
