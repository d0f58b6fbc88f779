import * as tf from '@tensorflow/tfjs';
import {describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

// Written for what is wrong in the webgpu backend itself, and true of every backend.

describeOnBackends('a product with a long inner dimension', () => {
  const [rows, inner, columns] = [20, 2400, 12];

  test.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('is right with transposes %s and %s, fused or not', async (transposeA, transposeB) => {
    const a = tf.randomNormal<tf.Rank.R2>(transposeA ? [inner, rows] : [rows, inner], 0, 1, 'float32', 1);
    const b = tf.randomNormal<tf.Rank.R2>(transposeB ? [columns, inner] : [inner, columns], 0, 1, 'float32', 2);
    const [left, right] = [await valuesOf(a), await valuesOf(b)];
    const expected = Array.from({length: rows * columns}, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        const factor = left[transposeA ? k * rows + row : row * inner + k]!;
        sum += factor * right[transposeB ? column * inner + k : k * columns + column]!;
      }
      return sum;
    });
    const before = tf.memory().numTensors;
    const products = [
      tf.matMul(a, b, transposeA, transposeB),
      tf.fused.matMul({a, b, transposeA, transposeB, activation: 'linear'}),
    ];
    expect(tf.memory().numTensors).toBe(before + 2);
    for (const product of products) expectClose(await valuesOf(product), expected);
  });
});

describeOnBackends('accumulation along an axis', () => {
  const accumulations = [
    {name: 'cumsum', op: tf.cumsum, start: 0, join: (a: number, b: number) => a + b},
    {name: 'cumprod', op: tf.cumprod, start: 1, join: (a: number, b: number) => a * b},
  ];
  const ways = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ];

  // One length after another: a shader made for the first must not be used for the next.
  test.each(accumulations)('$name is right for one length after another', async ({op, start, join}) => {
    for (const length of [5, 3, 8]) {
      for (const [exclusive, reverse] of ways) {
        const values = Array.from({length}, (_, i) => 1 + ((i * 3) % 4) / 4);
        const expected = values.map((_, i) => {
          const before = reverse ? values.slice(exclusive ? i + 1 : i) : values.slice(0, exclusive ? i : i + 1);
          return before.reduce(join, start);
        });
        const x = tf.tensor2d([...values, ...values], [2, length]);
        const numTensors = tf.memory().numTensors;
        const result = op(x, 1, exclusive, reverse);
        expect(tf.memory().numTensors).toBe(numTensors + 1);
        expectClose(await valuesOf(result), [...expected, ...expected], 1e-6);
        expectClose(await valuesOf(op(x.transpose(), 0, exclusive, reverse).transpose()), [...expected, ...expected]);
      }
    }
  });
});

describeOnBackends('a product of the elements', backend => {
  // Small tensors are left to JavaScript in the backend's own setting, which the other tests change.
  const leaveToJavaScript = (yes: boolean) => {
    if (backend === 'webgpu') tf.env().set('WEBGPU_CPU_FORWARD', yes);
  };
  afterEach(() => leaveToJavaScript(false));

  test.each([false, true])('keeps the dimensions it is asked to keep (small ones in JavaScript: %s)', async yes => {
    leaveToJavaScript(yes);
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    const rows = tf.prod(x, -1, true);
    expect(rows.shape).toEqual([2, 1]);
    expectClose(await valuesOf(rows), [6, 120]);
    expect(tf.prod(x, undefined, true).shape).toEqual([1, 1]);
    expect(tf.prod(x, 0).shape).toEqual([3]);
  });
});

describeOnBackends('a transpose', () => {
  test.each(['int32', 'bool'] as const)('of %s is one, also where it is none, and leaks nothing', async dtype => {
    const x = tf.tensor([1, 0, 0, 1, 1, 0], [2, 3], dtype);
    const {numTensors} = tf.memory();
    for (const [axes, expected] of [
      [
        [1, 0],
        [1, 1, 0, 1, 0, 0],
      ],
      [
        [0, 1],
        [1, 0, 0, 1, 1, 0],
      ],
    ] as const) {
      const turned = tf.transpose(x, [...axes]);
      expect(turned.dtype).toBe(dtype);
      expect(await valuesOf(turned)).toEqual(expected);
      const asFloats = tf.tidy(() => tf.transpose(x.toFloat(), [...axes]));
      expect(asFloats.dtype).toBe('float32');
      expect(await valuesOf(asFloats)).toEqual(expected);
      tf.dispose([turned, asFloats]);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describeOnBackends('a sum of tensors', () => {
  test.each([1, 2, 7, 8, 13, 14, 30])('of %i is one, and leaks nothing', async count => {
    const summands = Array.from({length: count}, (_, i) => tf.tensor1d([i + 1, 1, i]));
    const {numTensors} = tf.memory();
    const sum = tf.addN(summands);
    expect(tf.memory().numTensors).toBe(numTensors + 1);
    expect(await valuesOf(sum)).toEqual([(count * (count + 1)) / 2, count, (count * (count - 1)) / 2]);
    sum.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
    expect((await valuesOf(summands[0]!))[0]).toBe(1);
  });
});
