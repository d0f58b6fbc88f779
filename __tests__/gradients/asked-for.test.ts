import * as tf from '@tensorflow/tfjs';
import {describeOnBackends} from '../support/backends.js';
import {countKernels} from '../support/kernels.js';

const {layers} = tf;

interface Case {
  layer: () => tf.layers.Layer;
  shape: number[];
  /** The kernels that compute the gradients of what a layer is given, and of its weights. */
  ofInput: string;
  ofWeights: string;
}

const cases: Record<string, Case> = {
  conv2d: {
    layer: () => layers.conv2d({filters: 2, kernelSize: 3, activation: 'relu'}),
    shape: [1, 5, 5, 3],
    ofInput: 'Conv2DBackpropInput',
    ofWeights: 'Conv2DBackpropFilter',
  },
  depthwiseConv2d: {
    layer: () => layers.depthwiseConv2d({kernelSize: 3}),
    shape: [1, 5, 5, 3],
    ofInput: 'DepthwiseConv2dNativeBackpropInput',
    ofWeights: 'DepthwiseConv2dNativeBackpropFilter',
  },
  dense: {layer: () => layers.dense({units: 2}), shape: [4, 3], ofInput: 'BatchMatMul', ofWeights: 'BatchMatMul'},
};

describeOnBackends('no more gradients than are asked for', () => {
  test.each(Object.entries(cases))('of %s', async (_, {layer: make, shape, ofInput, ofWeights}) => {
    const layer = make();
    const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
    const y = tf.zerosLike(layer.apply(x) as tf.Tensor);
    const weights = layer.trainableWeights.map(weight => weight.read() as tf.Variable);
    const loss = (x: tf.Tensor) => tf.squaredDifference(layer.apply(x) as tf.Tensor, y).mean<tf.Scalar>();
    const before = tf.memory().numTensors;
    const count = (f: () => tf.TensorContainer) => countKernels(() => tf.tidy(() => void f()));
    const {kernels: forward} = await count(() => loss(x));
    const {kernels: input} = await count(() => tf.grad(loss)(x));
    const {kernels: kernel} = await count(() => tf.variableGrads(() => loss(x), [weights[0]!]).grads);
    const {kernels: bias} = await count(() => tf.variableGrads(() => loss(x), [weights[1]!]).grads);
    const {kernels: all} = await count(() => tf.grads((...given) => loss(given[0]!))([x, ...weights]));
    expect(tf.memory().numTensors).toBe(before);
    const more = (kernels: Record<string, number>, name: string) => (kernels[name] ?? 0) - (forward[name] ?? 0);
    const isProduct = ofInput === ofWeights;
    for (const [kernels, ofX, ofKernel] of [
      [input, 1, 0],
      [kernel, 0, 1],
      [bias, 0, 0],
      [all, 1, 1],
    ] as const) {
      expect(more(kernels, ofInput)).toBe(isProduct ? ofX + ofKernel : ofX);
      expect(more(kernels, ofWeights)).toBe(isProduct ? ofX + ofKernel : ofKernel);
    }
    layer.dispose();
  });
});
