import * as tf from '@tensorflow/tfjs';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {valueAndGradientsOn} from '../support/value-and-gradients.js';
import {expectClose, valuesOf} from '../support/values.js';

describeOnTensorFlow('kernels of the tensorflow backend', () => {
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
    ...(['same', 'valid', 1] as const).map((pad): [string, (...inputs: tf.Tensor[]) => tf.Tensor, number[][]] => [
      `convolution of single pixels in steps, padding ${pad}`,
      (x, filter) => tf.conv2d(x as Images, filter as Images, [2, 3], pad),
      [
        [2, 7, 8, 3],
        [1, 1, 3, 16],
      ],
    ]),
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
    [
      'maximum pooling in three dimensions with a number as padding',
      x => tf.maxPool3d(x as tf.Tensor5D, [2, 3, 3], [1, 3, 2], 1),
      [[2, 4, 6, 7, 2]],
    ],
    [
      'maximum pooling that does not read to the end of the images',
      x => tf.maxPool(x as Images, 2, 4, 0, 'floor'),
      [[2, 7, 8, 2]],
    ],
    [
      'depthwise convolution with a number as padding',
      (x, filter) => tf.depthwiseConv2d(x as Images, filter as Images, 2, 1),
      [
        [2, 6, 5, 3],
        [3, 3, 3, 2],
      ],
    ],
    [
      'fused depthwise convolution with a number as padding and dilations',
      (x, filter, bias) =>
        tf.fused.depthwiseConv2d({x: x as Images, filter: filter as Images, strides: 1, pad: 2, dilations: 2, bias}),
      [[2, 5, 6, 3], [3, 3, 3, 2], [6]],
    ],
    [
      'convolution that does not read all of its padding',
      (x, filter) => tf.conv2d(x as Images, filter as Images, 1, 1),
      [
        [2, 7, 6, 3],
        [5, 2, 3, 4],
      ],
    ],
    ['sum over all axes but the last', x => tf.sum(x, [0, 1, 2]), [[2, 3, 4, 5]]],
    ['sum over one axis of two', x => tf.sum(x, 0), [[3, 5]]],
    ['sum that keeps its axes', x => tf.sum(x, [0, 1], true), [[3, 5, 2]]],
  ])('%s: as on cpu', async (_, f, inputs) => {
    const ours = await valueAndGradientsOn(tensorFlow!, f, inputs);
    const expected = await valueAndGradientsOn('cpu', f, inputs);
    ours.forEach((values, i) => expectClose(values, expected[i]!));
  });

  type Pad = 'valid' | number;
  type Rounding = 'ceil' | 'round' | undefined;
  type Windows = (x: tf.Tensor, filter: tf.Tensor, pad: Pad, rounding?: Rounding) => tf.Tensor;
  const windows: [string, Windows, number[]][] = [
    [
      'convolution',
      (x, filter, ...how) => tf.conv2d(x as Images, filter as Images, 3, how[0], 'NHWC', 1, how[1]),
      [3, 4],
    ],
    [
      'fused convolution',
      (x, filter, pad, dimRoundingMode) =>
        tf.fused.conv2d({
          x: x as Images,
          filter: filter as Images,
          strides: 3,
          pad,
          ...(dimRoundingMode && {dimRoundingMode}),
        }),
      [3, 4],
    ],
    [
      'depthwise convolution',
      (x, filter, ...how) => tf.depthwiseConv2d(x as Images, filter as Images, 3, how[0], 'NHWC', 1, how[1]),
      [3, 2],
    ],
    ['maximum pooling', (x, _, ...how) => tf.maxPool(x as Images, 3, 3, ...how), []],
    ['maximum pooling in three dimensions', (x, _, ...how) => tf.maxPool3d(x as tf.Tensor5D, 3, 3, ...how), []],
    ['average pooling', (x, _, ...how) => tf.avgPool(x as Images, 3, 3, ...how), []],
    ['average pooling in three dimensions', (x, _, ...how) => tf.avgPool3d(x as tf.Tensor5D, 3, 3, ...how), []],
  ];

  describe.each(['ceil', 'round'] as const)('an output rounded by %s', rounding => {
    test.each(windows)('of %s: as of images padded so far', async (name, f, channels) => {
      const axes = name.endsWith('three dimensions') ? 3 : 2;
      // With a window and a stride of 3 and a padding of 1, six pixels are two windows and two thirds.
      const shapes = [
        [2, ...Array<number>(axes).fill(6), 3],
        [3, 3, ...channels],
      ];
      const inside = Array.from({length: axes}, (): [number, number] => [1, 2]);
      const pad = (x: tf.Tensor, value = 0) => tf.pad(x, [[0, 0], ...inside, [0, 0]], value);
      const byHand = (x: tf.Tensor, filter: tf.Tensor) => {
        if (!name.startsWith('average')) return f(pad(x, name.startsWith('maximum') ? -Infinity : 0), filter, 'valid');
        // The padding does not count in an average.
        return tf.div(f(pad(x), filter, 'valid'), f(pad(tf.onesLike(x)), filter, 'valid'));
      };
      const inputs = channels.length > 0 ? shapes : shapes.slice(0, 1);
      const ours = await valueAndGradientsOn(tensorFlow!, (x, filter) => f(x, filter, 1, rounding), inputs);
      const expected = await valueAndGradientsOn(tensorFlow!, (x, filter) => byHand(x, filter), inputs);
      ours.forEach((values, i) => expectClose(values, expected[i]!));
      // The gradients of the cpu backend, as those of TensorFlow.js, know no rounding.
      await activateBackend('cpu');
      const [x, filter] = inputs.map((shape, i) => tf.randomUniform(shape, -1, 1, 'float32', i + 1));
      expectClose(ours[0]!, await valuesOf(f(x!, filter!, 1, rounding)));
    });
  });

  test('average pooling with a number as padding does not count the padding', async () => {
    // The gradient of the cpu backend divides by the whole window, its forward pass does not.
    const pool = (x?: tf.Tensor) => tf.avgPool(x as Images, 3, 2, 1);
    const byHand = (x?: tf.Tensor) => {
      const padded = tf.pad(x!, [[0, 0], [1, 1], [1, 1], [0, 0]]) as Images; // prettier-ignore
      const inside = tf.pad(tf.onesLike(x!), [[0, 0], [1, 1], [1, 1], [0, 0]]) as Images; // prettier-ignore
      return tf.div(tf.avgPool(padded, 3, 2, 'valid'), tf.avgPool(inside, 3, 2, 'valid'));
    };
    const ours = await valueAndGradientsOn(tensorFlow!, pool, [[2, 5, 5, 2]]);
    const expected = await valueAndGradientsOn(tensorFlow!, byHand, [[2, 5, 5, 2]]);
    ours.forEach((values, i) => expectClose(values, expected[i]!));
  });

  test('average pooling gives zero where a window lies on padding alone', async () => {
    const [values, , gradient] = await valueAndGradientsOn(tensorFlow!, x => tf.avgPool3d(x as tf.Tensor5D, 1, 1, 1), [
      [1, 1, 1, 1, 1],
    ]);
    const middle = 13;
    expect(values!.map(value => value !== 0)).toEqual(Array.from({length: 27}, (_, i) => i === middle));
    expect(gradient).toEqual([middle + 1]);
  });
});
