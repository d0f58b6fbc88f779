import * as tf from '@tensorflow/tfjs';
import {activateBackend} from '../support/backends.js';
import {expectClose} from '../support/values.js';

async function onBackend(backend: string, compute: () => tf.Tensor): Promise<tf.TypedArray> {
  await activateBackend(backend);
  return tf.tidy(compute).data();
}

describe('on wasm, as on cpu,', () => {
  test('leaky ReLU of every kind of number', async () => {
    const numbers = [-2, -0, 0, 3, Infinity, -Infinity, NaN];
    const values = () => tf.leakyRelu(tf.tensor1d(numbers), 0.2);
    expect([...(await onBackend('wasm', values))]).toEqual([...(await onBackend('cpu', values))]);
  });

  test.each([
    [[6, 2, 5], 3, 0],
    [[3, 150, 4], [1, 140, 9], 1],
    [[4, 3, 7], [2, 0, 5], -1],
  ])('the parts of %j split by %j along axis %d', async (shape, sizes, axis) => {
    const parts = async (backend: string) => {
      await activateBackend(backend);
      const tensors = tf.split(tf.randomNormal(shape, 0, 1, 'float32', 1), sizes, axis);
      return Promise.all(tensors.map(async part => [part.shape, [...(await part.data())]]));
    };
    expect(await parts('wasm')).toEqual(await parts('cpu'));
  });

  test.each([[[4]], [[3, 1]], [[3, 4]], [[1]], [[2, 1, 1]], [[2, 3, 1]]])(
    'PReLU with slopes of shape %j',
    async shape => {
      const values = () =>
        tf.prelu(tf.randomNormal([2, 3, 4], 0, 1, 'float32', 1), tf.randomNormal(shape, 0, 1, 'float32', 2));
      expectClose(await onBackend('wasm', values), await onBackend('cpu', values), 1e-6);
    },
  );

  test.each([
    [[7, 5], 0, false],
    [[2, 3, 3, 6], [0, 1, 2], false],
    [[2, 3, 3, 6], [2, 0, 1], true],
    [[2, 4, 6], [0, 2], false],
    [[5, 0], [0], false],
    [[0, 3], [0], false],
  ])('the sum of %j over %j (keepDims %s)', async (shape, axes, keepDims) => {
    const sum = () => tf.randomNormal(shape, 0, 1, 'float32', 1).sum(axes, keepDims);
    await activateBackend('wasm');
    const actual = sum();
    expectClose(await actual.data(), await onBackend('cpu', sum), 1e-6);
    await activateBackend('cpu');
    expect(actual.shape).toEqual(sum().shape);
  });

  test('what is true and what is not of every kind of number', async () => {
    const numbers = [-1, -0, 0, 0.5, 2, 256, Infinity, NaN];
    const values = () => tf.cast(tf.tensor1d(numbers), 'bool');
    expect([...(await onBackend('wasm', values))]).toEqual([...(await onBackend('cpu', values))]);
    const not = () => tf.logicalNot(tf.cast(tf.tensor1d(numbers), 'bool'));
    expect([...(await onBackend('wasm', not))]).toEqual([...(await onBackend('cpu', not))]);
  });

  test.each([
    ['abcd,acde->aeb', [2, 3, 4, 5], [2, 4, 5, 3]],
    ['ab,ab->', [2, 3], [2, 3]],
    ['abc,b->ca', [2, 3, 4], [3]],
    ['a->a', [3]],
  ] as [string, ...number[][]][])("Einstein's sum %s, of integers too", async (equation, ...shapes) => {
    const sum = (dtype: 'float32' | 'int32') => () =>
      tf.einsum(equation, ...shapes.map((shape, i) => tf.randomUniform(shape, -4, 4, 'float32', i + 1).cast(dtype)));
    expectClose(await onBackend('wasm', sum('float32')), await onBackend('cpu', sum('float32')), 1e-4);
    expect(await onBackend('wasm', sum('int32'))).toEqual(await onBackend('cpu', sum('int32')));
    await activateBackend('wasm');
    const {numTensors, numDataBuffers} = tf.memory();
    tf.dispose(tf.tidy(sum('int32')));
    expect(tf.memory()).toMatchObject({numTensors, numDataBuffers});
  });
});

describe('gradients on wasm', () => {
  test('of leaky ReLU are those on cpu', async () => {
    const gradient = () =>
      tf.grad(x => tf.leakyRelu(x, 0.2).mul(tf.tensor1d([1, 2, 3, 4])))(tf.tensor1d([-2, -0.5, 0, 3]));
    expectClose(await onBackend('wasm', gradient), await onBackend('cpu', gradient), 1e-7);
  });

  test('of leaky ReLU differentiate again', async () => {
    // f = leaky(x)^3, f'' = 6 leaky(x) slope^2
    const second = () => tf.grad(x => tf.grad(y => tf.leakyRelu(y, 0.2).pow(3))(x))(tf.tensor1d([-2, 3]));
    expectClose(await onBackend('wasm', second), [6 * -0.4 * 0.04, 18], 1e-5);
  });

  test.each([
    [2, 2, false, false],
    [3, 2, true, false],
    [2, 3, false, true],
  ] as const)('of nearest-neighbour resizing by %s x %s (align %s, half-pixel %s)', async (up, across, align, half) => {
    const shape: [number, number, number, number] = [2, 4, 5, 3];
    await activateBackend('wasm');
    const resize = (x: tf.Tensor) =>
      tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [4 * up, 5 * across], align, half);
    const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
    const dy = tf.randomNormal([2, 4 * up, 5 * across, 3], 0, 1, 'float32', 2);
    const gradient = await tf.grad(resize)(x, dy).data();
    // The resize is linear, so <resize(e_i), dy> is element i of its gradient.
    for (const i of [0, 17, 61, 119]) {
      const unit = tf
        .oneHot(tf.tensor1d([i], 'int32'), 120)
        .reshape(shape)
        .toFloat();
      const expected = await resize(unit).mul(dy).sum().data();
      expect(gradient[i]).toBeCloseTo(expected[0]!, 4);
    }
  });

  test.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('matMul with transposes %s and %s is that on cpu', async (transposeA, transposeB) => {
    const product = () =>
      tf.matMul(
        tf.randomNormal(transposeA ? [3, 7, 5] : [3, 5, 7], 0, 1, 'float32', 1),
        tf.randomNormal(transposeB ? [3, 4, 7] : [3, 7, 4], 0, 1, 'float32', 2),
        transposeA,
        transposeB,
      );
    expectClose(await onBackend('wasm', product), await onBackend('cpu', product), 1e-6);
  });
});
