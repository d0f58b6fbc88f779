import * as tf from '@tensorflow/tfjs';
import {describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

type Shape = [number, number, number, number];
type Images = tf.Tensor4D;

const random = (shape: Shape, seed: number) => tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', seed);

/** The derivative of `f` by central differences in float64, element by element. */
function numericGradient(f: (x: number[]) => number, x: number[], step = 1e-4): number[] {
  return x.map((value, i) => {
    const at = (moved: number) => f(x.map((other, j) => (j === i ? moved : other)));
    return (at(value + step) - at(value - step)) / (2 * step);
  });
}

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

/** Fails unless `compute` leaves no tensor but its result; resolves to its values. */
async function withoutLeak(compute: () => tf.Tensor): Promise<number[]> {
  const before = tf.memory().numTensors;
  const result = compute();
  expect(tf.memory().numTensors).toBe(before + 1);
  const values = await valuesOf(result);
  result.dispose();
  return values;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** Each operation, and it and its slope in float64. */
const activations = [
  {name: 'tanh', op: tf.tanh, value: Math.tanh, slope: (x: number) => 1 - Math.tanh(x) ** 2},
  {name: 'sigmoid', op: tf.sigmoid, value: sigmoid, slope: (x: number) => sigmoid(x) * (1 - sigmoid(x))},
  {name: 'exp', op: tf.exp, value: Math.exp, slope: Math.exp},
  {
    name: 'leakyRelu',
    op: (x: tf.Tensor) => tf.leakyRelu(x, 0.2),
    value: (x: number) => (x > 0 ? x : 0.2 * x),
    slope: (x: number) => (x > 0 ? 1 : 0.2),
  },
];

describeOnBackends('second derivatives', () => {
  const x = [-2, -0.5, 0.3, 1.7];

  test.each(activations)('of $name alone', async ({op, slope}) => {
    const actual = await withoutLeak(() => tf.tidy(() => tf.grad(y => tf.grad(op)(y))(tf.tensor1d(x))));
    expectClose(
      actual,
      numericGradient(values => sum(values.map(slope)), x),
    );
  });

  test.each(activations)('of $name in a gradient penalty where x enters by another path too', async activation => {
    const {op, value, slope} = activation;
    const penalty = (y: tf.Tensor) =>
      tf
        .grad((z: tf.Tensor) => op(z).mul(z))(y)
        .square()
        .sum();
    const expected = numericGradient(ys => sum(ys.map(y => (value(y) + y * slope(y)) ** 2)), x);
    expectClose(await withoutLeak(() => tf.tidy(() => tf.grad(penalty)(tf.tensor1d(x)))), expected);
  });

  test('third derivatives too', async () => {
    const third = tf.grad(x => tf.grad(y => tf.grad(tf.sigmoid)(y))(x));
    const second = (v: number) => sigmoid(v) * (1 - sigmoid(v)) * (1 - 2 * sigmoid(v));
    expectClose(
      await withoutLeak(() => tf.tidy(() => third(tf.tensor1d(x)))),
      numericGradient(values => sum(values.map(second)), x),
    );
  });
});

describeOnBackends('first derivatives', () => {
  test.each(activations)('of $name', async ({op, slope}) => {
    const x = [-2, -0.5, 0.3, 1.7];
    expectClose(
      await withoutLeak(() => tf.tidy(() => tf.grad(op)(tf.tensor1d(x)))),
      x.map(value => slope(Math.fround(value))),
      1e-6,
    );
  });

  test('of depthToSpace, and again', async () => {
    const shape: Shape = [2, 3, 2, 12];
    const spread = (x: tf.Tensor) => tf.depthToSpace(x as Images, 2);
    const dy = random([2, 6, 4, 3], 2);
    // It moves values about: <depthToSpace(e_i), dy> picks the element of dy that element i of its gradient must be.
    const actual = await withoutLeak(() => tf.tidy(() => tf.grad(spread)(random(shape, 1), dy)));
    const places = tf.range(0, 144).reshape<Images>(shape);
    const order = await valuesOf(spread(places));
    const values = await valuesOf(dy);
    const expected = new Array<number>(144);
    order.forEach((place, i) => (expected[place] = values[i]!));
    expect(actual).toEqual(expected);
    // d/dx of sum (d/dx of sum spread(x)^3)^2 / 2 = 3 x^2 * 6 x
    const second = tf.grad(x =>
      tf
        .grad(y => spread(y).pow(3).sum())(x)
        .square()
        .sum()
        .div(2),
    );
    const x = random(shape, 3);
    expectClose(
      await withoutLeak(() => tf.tidy(() => second(x))),
      (await valuesOf(x)).map(v => 18 * v ** 3),
    );
  });

  test.each([
    [2, 'same'],
    [[3, 1], 'valid'],
    [[1, 2], 1],
  ] as [number | [number, number], 'same' | 'valid' | number][])(
    'of a convolution with dilations %j and padding %s',
    async (dilations, pad) => {
      const xShape: Shape = [2, 8, 7, 2];
      const filterShape: Shape = [3, 2, 2, 3];
      const [x, filter] = [random(xShape, 1), random(filterShape, 2)];
      const convolve = (x: tf.Tensor, filter: tf.Tensor) =>
        tf.conv2d(x as Images, filter as Images, 1, pad, 'NHWC', dilations);
      const {outShape, padInfo} = tf.backend_util.computeConv2DInfo(xShape, filterShape, 1, dilations, pad);
      const dy = random(outShape, 3);
      const [xs, filters, dys] = await Promise.all([x, filter, dy].map(valuesOf));
      const [down, across] = typeof dilations === 'number' ? [dilations, dilations] : dilations;
      // <conv(x, filter), dy> in float64, by the definition.
      const product = (xs: number[], filters: number[]) => {
        let total = 0;
        const [batch, outHeight, outWidth, outputs] = outShape;
        for (let b = 0, i = 0; b < batch; b++)
          for (let r = 0; r < outHeight; r++)
            for (let c = 0; c < outWidth; c++)
              for (let o = 0; o < outputs; o++, i++)
                for (let h = 0; h < 3; h++)
                  for (let w = 0; w < 2; w++) {
                    const [row, column] = [r + h * down - padInfo.top, c + w * across - padInfo.left];
                    if (row < 0 || row >= 8 || column < 0 || column >= 7) continue;
                    for (let k = 0; k < 2; k++)
                      total +=
                        dys![i]! * xs[((b * 8 + row) * 7 + column) * 2 + k]! * filters[((h * 2 + w) * 2 + k) * 3 + o]!;
                  }
        return total;
      };
      const gradients = tf.grads(convolve);
      // Bilinear, so central differences are exact.
      expectClose(
        await withoutLeak(() => tf.tidy(() => gradients([x, filter], dy)[0]!)),
        numericGradient(values => product(values, filters!), xs!, 1),
      );
      expectClose(
        await withoutLeak(() => tf.tidy(() => gradients([x, filter], dy)[1]!)),
        numericGradient(values => product(xs!, values), filters!, 1),
      );
    },
  );

  test('of the gradient penalty of a dilated convolution', async () => {
    // With one pixel, P(filter) = sum_x (d/dx sum conv)^2 = (sum of the reached taps)^2.
    const [x, filter] = [tf.ones<tf.Rank.R4>([1, 1, 1, 1]), tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3, 1, 1])];
    const penalty = (filter: tf.Tensor) =>
      tf
        .grad(x => tf.conv2d(x as Images, filter as Images, 1, 'same', 'NHWC', 2))(x)
        .square()
        .sum();
    expectClose(await withoutLeak(() => tf.tidy(() => tf.grad(penalty)(filter))), [0, 0, 0, 0, 10, 0, 0, 0, 0]);
  });

  test.each([
    [8, 10, false, false],
    [3, 2, false, true],
    [12, 5, true, false],
  ] as const)(
    'of nearest-neighbour resizing to %s x %s (align %s, half-pixel %s)',
    async (height, width, align, half) => {
      const shape: Shape = [3, 4, 5, 2];
      const resize = (x: tf.Tensor) => tf.image.resizeNearestNeighbor(x as Images, [height, width], align, half);
      const dy = random([3, height, width, 2], 2);
      // It copies values: each element of dy goes to the place its output was copied from.
      const copied = await valuesOf(resize(tf.range(0, 120).reshape(shape)));
      const expected = new Array<number>(120).fill(0);
      (await valuesOf(dy)).forEach((value, i) => (expected[copied[i]!]! += value));
      expectClose(await withoutLeak(() => tf.tidy(() => tf.grad(resize)(random(shape, 1), dy))), expected, 1e-6);
    },
  );
});
