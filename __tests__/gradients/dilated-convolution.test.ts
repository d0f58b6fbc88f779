import * as tf from '@tensorflow/tfjs';
import {activateBackend, describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

const random = (shape: number[], i: number) => tf.randomNormal(shape, 0, 1, 'float32', i + 1);

/** The gradients of `f`, for a `dy` of random values. */
function gradientsOf(f: Operation, shapes: number[][]): tf.Tensor[] {
  const inputs = shapes.map(random);
  return tf.grads(f)(inputs, random(f(...inputs).shape, 9));
}

/** The same for an `f` that is linear in each input, by its values alone: the differences that unit steps make. */
function differencesOf(f: Operation, shapes: number[][]): tf.Tensor[] {
  const inputs = shapes.map(random);
  const dy = random(f(...inputs).shape, 9);
  return inputs.map(({shape, size}, i) => {
    const at = (value: tf.Tensor) => f(...inputs.map((other, j) => (j === i ? value.reshape(shape) : other)));
    const atZero = at(tf.zeros(shape));
    return tf.stack(tf.eye(size).unstack().map(unit => at(unit).sub(atZero).mul(dy).sum())); // prettier-ignore
  });
}

/** The values of tensors made in a tidy; fails unless nothing else remains. */
async function valuesWithoutLeak(compute: () => tf.Tensor[]): Promise<number[][]> {
  const before = tf.memory().numTensors;
  const results = tf.tidy(compute);
  expect(tf.memory().numTensors).toBe(before + results.length);
  const values = await Promise.all(results.map(valuesOf));
  tf.dispose(results);
  return values;
}

const fused = (attributes: object, depthwise = false) =>
  ((x, filter, bias) => {
    const run = (depthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d) as (all: object) => tf.Tensor;
    return run({strides: 1, pad: 'same', dilations: 2, x, filter, bias, ...attributes});
  }) as Operation;
const depthwise = (pad: 'same' | 'valid' | number, dilations: number | [number, number]) =>
  ((x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, pad, 'NHWC', dilations)) as Operation;

const IMAGES = [2, 6, 5, 2];
const FILTER = [3, 2, 2, 3];

const operations: [string, Operation, number[][]][] = [
  ['fused.conv2d, undilated', fused({dilations: 1}), [IMAGES, FILTER, [3]]],
  ['fused.conv2d', fused({}), [IMAGES, FILTER]],
  ['fused.conv2d with a bias', fused({dilations: [1, 2], pad: 'valid'}), [IMAGES, FILTER, [3]]],
  ['fused.conv2d with a scalar as bias', fused({dilations: [1, 2], pad: 1}), [IMAGES, FILTER, []]],
  ['fused.conv2d with a bias for each output', fused({}), [IMAGES, FILTER, [...IMAGES.slice(0, 3), 3]]],
  ['fused.conv2d of one image', fused({}), [IMAGES.slice(1), FILTER, [3]]],
  ['depthwiseConv2d', depthwise('same', 2), [IMAGES, FILTER]],
  ['depthwiseConv2d without padding', depthwise('valid', [2, 1]), [IMAGES, FILTER]],
  ['depthwiseConv2d of one image with numeric padding', depthwise(1, [1, 2]), [IMAGES.slice(1), FILTER]],
  ['fused.depthwiseConv2d', fused({dilations: [2, 3]}, true), [IMAGES, FILTER]],
  ['fused.depthwiseConv2d with a bias', fused({pad: 'valid'}, true), [IMAGES, FILTER, [6]]],
  [
    'separableConv2d',
    ((x: tf.Tensor4D, filter: tf.Tensor4D, pointwise: tf.Tensor4D) =>
      tf.separableConv2d(x, filter, pointwise, 1, 'same', 2)) as Operation,
    [IMAGES, FILTER, [1, 1, 6, 2]],
  ],
];

describeOnBackends('gradients of dilated convolutions', backend => {
  test.each(operations)('of %s', async (_, f, shapes) => {
    const actual = await valuesWithoutLeak(() => gradientsOf(f, shapes));
    await activateBackend('cpu');
    const expected = await valuesWithoutLeak(() => differencesOf(f, shapes));
    await activateBackend(backend);
    expect(actual).toHaveLength(shapes.length);
    actual.forEach((values, i) => expectClose(values, expected[i]!));
  });

  test('a fused convolution with channels first is still refused', () => {
    const f = fused({dataFormat: 'NCHW', pad: 'valid', dilations: 1});
    expect(() => tf.tidy(() => gradientsOf(f, [[1, 2, 4, 4], FILTER, [3]]))).toThrow('NHWC');
  });

  test.each([
    ['conv2d', undefined],
    ['conv2d', 'relu'],
    ['conv2d', 'tanh'],
    ['separableConv2d', undefined],
  ] as const)('of layers.%s with activation %s', async (kind, activation) => {
    const create = tf.layers[kind];
    const options = {filters: 3, dilationRate: 2, padding: 'same'} as const;
    const layer = create({...options, kernelSize: [3, 2], ...(activation && {activation})});
    layer.apply(tf.zeros(IMAGES));
    const weights = layer.weights.map((weight, i) => {
      weight.write(random(weight.shape as number[], i));
      return weight.read();
    });
    // The same of the operations tested above.
    const byHand: Operation = (x, ...weights) => {
      const [images, filter, pointwise] = [x, ...weights] as tf.Tensor4D[];
      const convolved = {
        conv2d: () => tf.conv2d(images!, filter!, 1, 'same', 'NHWC', 2),
        separableConv2d: () => tf.separableConv2d(images!, filter!, pointwise!, 1, 'same', 2),
      }[kind]();
      const y = convolved.add(weights.at(-1)!);
      return activation ? tf[activation](y) : y;
    };
    const x = random(IMAGES, 7);
    const dy = random(byHand(x, ...weights).shape, 8);
    const actual = await valuesWithoutLeak(() => {
      const {grads} = tf.variableGrads(() => (layer.apply(x) as tf.Tensor).mul(dy).sum());
      return layer.trainableWeights.map(weight => grads[(weight as unknown as {val: tf.Variable}).val.name]!);
    });
    const dx = await valuesWithoutLeak(() => [tf.grad(x => layer.apply(x) as tf.Tensor)(x, dy)]);
    const expected = await valuesWithoutLeak(() => tf.grads(byHand)([x, ...weights], dy));
    expect(actual).toHaveLength(weights.length);
    [...dx, ...actual].forEach((values, i) => expectClose(values, expected[i]!));
    layer.dispose();
  });

  test('of the gradient penalty of a layer', async () => {
    // With one pixel, P(filter) = sum_x (d/dx sum conv)^2 = (sum of the reached taps)^2.
    const layer = tf.layers.conv2d({filters: 1, kernelSize: 3, dilationRate: 2, padding: 'same'});
    const x = tf.ones([1, 1, 1, 1]);
    layer.apply(x);
    const kernel = (layer.weights[0] as unknown as {val: tf.Variable}).val;
    kernel.assign(tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3, 1, 1]));
    const penalty = () => tf.grad(x => layer.apply(x) as tf.Tensor)(x).square().sum(); // prettier-ignore
    const [gradient] = await valuesWithoutLeak(() => [
      tf.variableGrads(penalty as () => tf.Scalar, [kernel]).grads[kernel.name]!,
    ]);
    expectClose(gradient!, [0, 0, 0, 0, 10, 0, 0, 0, 0]);
    layer.dispose();
  });
});
