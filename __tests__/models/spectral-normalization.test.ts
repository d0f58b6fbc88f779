import * as tf from '@tensorflow/tfjs';
import {GAN, spectralNormalization} from 'tfjs-ragan';
import {activateBackend, describeOnBackends, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {readGoldens} from '../support/golden.js';
import {batch, networks, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

/** Three training passes of `torch.nn.utils.spectral_norm` around a convolution. */
interface Golden {
  /** Of the kernel and its gradients, as tfjs has them: height, width, inputs, outputs. */
  kernelShape: [number, number, number, number];
  kernel: number[];
  u0: number[];
  inputShape: [number, number, number, number];
  input: number[];
  strides: number;
  steps: {u: number[]; y: number[]; gradient: number[]}[];
}
const golden = readGoldens<Golden>('spectral_norm');

const convolution = () =>
  spectralNormalization(tf.layers.conv2d({filters: 5, kernelSize: 4, strides: golden.strides, padding: 'same'}));
const variables = (layer: tf.layers.Layer) => layer.weights.map(weight => weight.read() as tf.Variable);
const apply = (layer: tf.layers.Layer, x: tf.Tensor, training: boolean) => layer.apply(x, {training}) as tf.Tensor;

describeOnBackends('spectralNormalization', () => {
  test('is that of PyTorch, in value, gradient and state', async () => {
    const layer = convolution();
    const input = tf.tensor4d(golden.input, golden.inputShape);
    layer.build(input.shape);
    layer.setWeights([tf.tensor(golden.kernel, golden.kernelShape), tf.zeros([5]), tf.tensor1d(golden.u0)]);
    const [kernel, , u] = variables(layer);
    for (const {u: expectedU, y: expectedY, gradient} of golden.steps) {
      let y: tf.Tensor | undefined;
      const {grads} = tf.variableGrads(() => {
        const output = apply(layer, input, true);
        y = tf.keep(output.clone());
        // The oracle weighs them by the cosine of their number with channels first.
        const channelsFirst = output.transpose([0, 3, 1, 2]);
        return channelsFirst.mul(tf.range(0, output.size).cos().reshape(channelsFirst.shape)).sum();
      }, [kernel!]);
      expectClose(await valuesOf(u!), expectedU);
      expectClose(await valuesOf(y!), expectedY);
      expectClose(await valuesOf(grads[kernel!.name]!), gradient);
    }
  });

  test('changes u in training passes alone, and gives the same outside of them each time', async () => {
    const layer = convolution();
    const x = tf.randomNormal([1, 8, 8, 3], 0, 1, 'float32', 1);
    layer.build(x.shape);
    const u = variables(layer)[2]!;
    const before = await valuesOf(u);
    const first = await valuesOf(apply(layer, x, false));
    expect(await valuesOf(u)).toEqual(before);
    expect(await valuesOf(apply(layer, x, false))).toEqual(first);
    apply(layer, x, true);
    expect(await valuesOf(u)).not.toEqual(before);
  });

  test.each([
    ['dense', () => tf.layers.dense({units: 4}), [2, 3]],
    ['convolution', () => tf.layers.conv2d({filters: 4, kernelSize: 3}), [1, 5, 5, 3]],
    ['transposed', () => tf.layers.conv2dTranspose({filters: 2, kernelSize: 3, strides: 2}), [1, 3, 3, 4]],
    ['depthwise', () => tf.layers.depthwiseConv2d({kernelSize: 3, depthMultiplier: 2}), [1, 5, 5, 3]],
  ] as const)('comes to a largest singular value of 1 (%s)', async (_, make, shape) => {
    const layer = spectralNormalization(make());
    const plain = make();
    const x = tf.randomNormal([...shape], 0, 1, 'float32', 2);
    layer.build([...shape]);
    plain.build([...shape]);
    // The same each time: the nearer the two largest singular values are, the longer it takes to tell them apart.
    const seeded = layer.weights.map(({shape}, i) => tf.randomNormal(shape as number[], 0, 1, 'float32', 3 + i));
    layer.setWeights(seeded);
    for (let pass = 0; pass < 60; pass++) tf.tidy(() => apply(layer, x, true));
    const [kernel, bias] = layer.getWeights() as [tf.Tensor, tf.Tensor];
    const largest = largestSingularValue(await matrixOf(kernel, layer));
    plain.setWeights([kernel.div(largest), bias]);
    expectClose(await valuesOf(apply(layer, x, false)), await valuesOf(plain.apply(x) as tf.Tensor), 1e-3);
  });

  test('its second derivatives are right', async () => {
    const layer = spectralNormalization(tf.layers.dense({units: 2, useBias: false}));
    layer.build([null, 2]);
    const u = [0.6, 0.8];
    layer.setWeights([tf.tensor2d([0.5, -1, 2, 0.25], [2, 2]), tf.tensor1d(u)]);
    const kernel = variables(layer)[0]!;
    const x = [0.3, -0.7];
    // The squared length of d(sum of outputs squared) / dx.
    const penalty = () =>
      tf
        .grad(input => apply(layer, input, false).square().sum())(tf.tensor2d(x, [1, 2]))
        .square()
        .sum<tf.Scalar>();
    const {value, grads} = tf.variableGrads(penalty, [kernel]);
    const oracle = (w: number[]) => penaltyOfDense(w, x, u, vectorOf([0.5, -1, 2, 0.25], u));
    const at = [0.5, -1, 2, 0.25];
    expectClose(await valuesOf(value), [oracle(at)]);
    const expected = at.map((_, i) => {
      const moved = (by: number) => oracle(at.map((w, j) => (j === i ? w + by : w)));
      return (moved(1e-5) - moved(-1e-5)) / 2e-5;
    });
    expectClose(await valuesOf(grads[kernel.name]!), expected, 1e-4);
  });

  test('its weights are kernel, bias and u, of which u is not trained, and none when frozen', () => {
    const layer = convolution();
    layer.build([1, 8, 8, 3]);
    expect(layer.weights.map(weight => weight.shape)).toEqual([[4, 4, 3, 5], [5], [5]]);
    expect(layer.trainableWeights).toHaveLength(2);
    layer.trainable = false;
    expect(layer.trainableWeights).toHaveLength(0);
    expect(layer.weights.map(weight => weight.shape)).toEqual([[4, 4, 3, 5], [5], [5]]);
  });

  test('a saved model with it loads, and gives the same', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.inputLayer({inputShape: [8, 8, 3]}),
        spectralNormalization(tf.layers.conv2d({filters: 4, kernelSize: 3, kernelRegularizer: 'l1l2'})),
        tf.layers.flatten(),
        spectralNormalization(tf.layers.dense({units: 1})),
      ],
    });
    const x = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 3);
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(artifacts => {
        saved = JSON.parse(JSON.stringify({...artifacts, weightData: undefined})) as tf.io.ModelArtifacts;
        saved.weightData = artifacts.weightData!;
        return Promise.resolve({modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}});
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    expectClose(await valuesOf(loaded.predict(x) as tf.Tensor), await valuesOf(model.predict(x) as tf.Tensor), 1e-6);
    expect(loaded.losses).toHaveLength(model.losses.length);
  });

  test('leaks nothing', () => {
    const layer = convolution();
    const x = tf.zeros([1, 8, 8, 3]);
    layer.build(x.shape);
    const kernel = variables(layer)[0]!;
    const before = tf.memory().numTensors;
    for (const training of [true, false]) {
      const {value, grads} = tf.variableGrads(() => apply(layer, x, training).sum(), [kernel]);
      tf.dispose([value, grads]);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses a layer without a kernel', () => {
    expect(() => spectralNormalization(tf.layers.flatten())).toThrow(
      'spectralNormalization: layer must be one of Dense, Conv1D, Conv2D, Conv3D, Conv2DTranspose, Conv3DTranspose, DepthwiseConv2D, but it is Flatten.',
    );
    expect(() => spectralNormalization(undefined as unknown as tf.layers.Layer)).toThrow('but it is undefined');
  });
});

describeOnTensorFlow('spectralNormalization', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  test('runs captured, its state in the graph', async () => {
    const after = async (capture: boolean) => {
      const discriminator = tf.sequential({
        layers: [
          tf.layers.inputLayer({inputShape: [3]}),
          spectralNormalization(tf.layers.dense({units: 8, activation: 'relu'})),
          spectralNormalization(tf.layers.dense({units: 1})),
        ],
      });
      discriminator.setWeights(
        discriminator.weights.map((weight, i) => tf.randomNormal(weight.shape as number[], 0, 1, 'float32', i + 1)),
      );
      const gan = new GAN({generator: networks().generator, discriminator});
      // Adam would make steps of what rounding leaves of gradients that are zero.
      gan.compile({generatorOptimizer: tf.train.sgd(0.1), discriminatorOptimizer: tf.train.sgd(0.1), capture});
      const {xs, ys} = batch();
      for (let step = 0; step < 8; step++) await gan.trainOnBatch(xs, ys);
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      return (await weightsOf(discriminator)).flat();
    };
    expectClose(await after(true), await after(false), 1e-5);
  });
});

/** The kernel as rows of its outputs. */
async function matrixOf(kernel: tf.Tensor, layer: tf.layers.Layer): Promise<number[][]> {
  const outputs = layer.getWeights()[2]!.size;
  const last = kernel.rank - 1;
  const swapped = kernel.shape[last] !== outputs && kernel.shape[last - 1] === outputs;
  const ordered = swapped ? kernel.transpose([0, 1, 3, 2]) : kernel;
  return (await ordered.reshape<tf.Tensor2D>([-1, outputs]).transpose().array()) as number[][];
}

function largestSingularValue(rows: number[][]): number {
  let u = rows.map((_, i) => 1 + i);
  let value = 0;
  for (let i = 0; i < 2000; i++) {
    const v = rows[0]!.map((_, column) => rows.reduce((sum, row, j) => sum + row[column]! * u[j]!, 0));
    const product = rows.map(row => row.reduce((sum, entry, column) => sum + entry * v[column]!, 0));
    const size = Math.hypot(...product);
    value = Math.sqrt(size / Math.hypot(...u));
    u = product.map(entry => entry / size);
  }
  return value;
}

/** W'u / |W'u| for a kernel [2, 2] of inputs by outputs. */
function vectorOf([a, b, c, d]: number[], [p, q]: number[]): number[] {
  const v = [a! * p! + b! * q!, c! * p! + d! * q!];
  return v.map(entry => entry / Math.hypot(...v));
}

/** The squared length of the gradient of |x W / sigma|^2, by hand. */
function penaltyOfDense([a, b, c, d]: number[], [x, y]: number[], u: number[], v: number[]): number {
  const sigma = v[0]! * (a! * u[0]! + b! * u[1]!) + v[1]! * (c! * u[0]! + d! * u[1]!);
  const [first, second] = [x! * a! + y! * c!, x! * b! + y! * d!];
  const gradient = [first * a! + second * b!, first * c! + second * d!].map(entry => (2 * entry) / sigma ** 2);
  return gradient[0]! ** 2 + gradient[1]! ** 2;
}
