import * as tf from '@tensorflow/tfjs';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

describeOnTensorFlow('kernels of the tensorflow backend', () => {
  /** The value of `f` and its gradients, on one backend. */
  async function run(
    backend: string,
    f: (...inputs: tf.Tensor[]) => tf.Tensor,
    inputs: number[][],
  ): Promise<number[][]> {
    await activateBackend(backend);
    const tensors = inputs.map((shape, i) => tf.randomUniform(shape, -1, 1, 'float32', i + 1));
    const before = tf.memory().numTensors;
    const results = tf.tidy(() => {
      const {value, grads} = tf.valueAndGrads((...xs: tf.Tensor[]) => {
        const y = f(...xs);
        // Weights, so that no two elements count alike.
        return tf.sum(tf.mul(y, tf.range(1, y.size + 1).reshape(y.shape)));
      })(tensors);
      return [f(...tensors), value, ...grads];
    });
    const values = await Promise.all(results.map(valuesOf));
    tf.dispose(results);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(tensors);
    return values;
  }

  type Images = tf.Tensor4D;
  const explicit: [number, number][] = [
    [0, 0],
    [1, 2],
    [0, 1],
    [0, 0],
  ];

  test.each<[string, (...inputs: tf.Tensor[]) => tf.Tensor, number[][]]>([
    ['leaky ReLU', x => tf.leakyRelu(x, 0.3), [[4, 5]]],
    ['leaky ReLU with a negative slope', x => tf.leakyRelu(x, -0.3), [[4, 5]]],
    [
      'convolution with a bias',
      (x, filter, bias) =>
        tf.fused.conv2d({x: x as Images, filter: filter as Images, strides: 2, pad: 'same', bias: bias}),
      [[2, 5, 6, 3], [3, 3, 3, 4], [4]],
    ],
    [
      'convolution with a number as padding',
      (x, filter) => tf.conv2d(x as Images, filter as Images, 2, 1),
      [
        [2, 5, 6, 3],
        [3, 3, 3, 4],
      ],
    ],
    [
      'convolution with a list of paddings',
      (x, filter) => tf.conv2d(x as Images, filter as Images, 1, explicit as unknown as 'valid'),
      [
        [2, 5, 6, 3],
        [3, 3, 3, 4],
      ],
    ],
    [
      'transposed convolution with a number as padding',
      (x, filter) => tf.conv2dTranspose(x as Images, filter as Images, [2, 9, 9, 3], 2, 1),
      [
        [2, 5, 5, 4],
        [3, 3, 3, 4],
      ],
    ],
    ['maximum pooling with a number as padding', x => tf.maxPool(x as Images, 3, 2, 1), [[2, 5, 5, 2]]],
    ['sum over all axes but the last', x => tf.sum(x, [0, 1, 2]), [[2, 3, 4, 5]]],
    ['sum over one axis of two', x => tf.sum(x, 0), [[3, 5]]],
    ['sum that keeps its axes', x => tf.sum(x, [0, 1], true), [[3, 5, 2]]],
  ])('%s: as on cpu', async (_, f, inputs) => {
    const ours = await run(tensorFlow!, f, inputs);
    const expected = await run('cpu', f, inputs);
    ours.forEach((values, i) => expectClose(values, expected[i]!));
  });

  test('average pooling with a number as padding does not count the padding', async () => {
    // The gradient of the cpu backend divides by the whole window, its forward pass does not.
    const pool = (x?: tf.Tensor) => tf.avgPool(x as Images, 3, 2, 1);
    const byHand = (x?: tf.Tensor) => {
      const padded = tf.pad(x!, [[0, 0], [1, 1], [1, 1], [0, 0]]) as Images; // prettier-ignore
      const inside = tf.pad(tf.onesLike(x!), [[0, 0], [1, 1], [1, 1], [0, 0]]) as Images; // prettier-ignore
      return tf.div(tf.avgPool(padded, 3, 2, 'valid'), tf.avgPool(inside, 3, 2, 'valid'));
    };
    const ours = await run(tensorFlow!, pool, [[2, 5, 5, 2]]);
    const expected = await run(tensorFlow!, byHand, [[2, 5, 5, 2]]);
    ours.forEach((values, i) => expectClose(values, expected[i]!));
  });
});
