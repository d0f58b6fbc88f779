import * as tf from '@tensorflow/tfjs';
import {activateBackend} from '../support/backends.js';
import {expectClose} from '../support/values.js';

type Pad = 'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]];
interface Case {
  input: [number, number, number, number];
  filter: [number, number, number, number];
  strides: number | [number, number];
  pad: Pad;
}

const cases: Case[] = [
  {input: [2, 6, 5, 3], filter: [3, 3, 3, 4], strides: 1, pad: 'same'},
  {input: [2, 6, 5, 3], filter: [3, 3, 3, 4], strides: 1, pad: 'valid'},
  {input: [1, 7, 9, 2], filter: [1, 1, 2, 5], strides: 1, pad: 'same'},
  {input: [3, 8, 8, 4], filter: [4, 4, 4, 3], strides: 2, pad: 'same'},
  {input: [2, 9, 7, 2], filter: [3, 3, 2, 3], strides: 2, pad: 'same'},
  {input: [2, 9, 8, 2], filter: [3, 3, 2, 3], strides: 2, pad: 'valid'},
  {input: [2, 10, 11, 1], filter: [2, 3, 1, 2], strides: [3, 2], pad: 'valid'},
  {input: [1, 9, 9, 2], filter: [1, 1, 2, 2], strides: 2, pad: 'same'},
  {input: [1, 10, 10, 2], filter: [2, 2, 2, 2], strides: 3, pad: 'valid'},
  {input: [2, 6, 6, 2], filter: [3, 3, 2, 2], strides: 1, pad: 2},
  {
    input: [1, 5, 6, 2],
    filter: [3, 2, 2, 3],
    strides: 1,
    pad: [
      [0, 0],
      [2, 0],
      [0, 1],
      [0, 0],
    ],
  },
  {
    input: [1, 5, 6, 2],
    filter: [2, 2, 2, 3],
    strides: 1,
    pad: [
      [0, 0],
      [3, 2],
      [2, 3],
      [0, 0],
    ],
  },
  {
    input: [1, 7, 6, 2],
    filter: [3, 3, 2, 3],
    strides: 2,
    pad: [
      [0, 0],
      [1, 2],
      [0, 1],
      [0, 0],
    ],
  },
  {
    // The last row and column of x are under no tap.
    input: [2, 7, 7, 2],
    filter: [4, 4, 2, 3],
    strides: 2,
    pad: [
      [0, 0],
      [2, 0],
      [2, 0],
      [0, 0],
    ],
  },
  {input: [4, 16, 16, 8], filter: [3, 3, 8, 16], strides: 1, pad: 'same'},
  // Many channels for small images: the input's gradient by products added up.
  {input: [2, 6, 5, 3], filter: [3, 3, 3, 16], strides: 1, pad: 'same'},
  {input: [3, 8, 8, 5], filter: [4, 4, 5, 16], strides: 2, pad: 'same'},
  {input: [1, 10, 10, 2], filter: [2, 2, 2, 8], strides: 3, pad: 'valid'},
  {
    input: [1, 5, 6, 2],
    filter: [2, 2, 2, 24],
    strides: 1,
    pad: [
      [0, 0],
      [3, 2],
      [2, 3],
      [0, 0],
    ],
  },
  // More than is made at a time: the filter's gradient in two parts.
  {input: [3, 40, 40, 8], filter: [2, 31, 8, 1], strides: 1, pad: 'same'},
];

async function gradients(backend: string, {input, filter, strides, pad}: Case) {
  await activateBackend(backend);
  const results = tf.tidy(() => {
    const x = tf.randomNormal<tf.Rank.R4>(input, 0, 1, 'float32', 1);
    const w = tf.randomNormal<tf.Rank.R4>(filter, 0, 1, 'float32', 2);
    const convolve = (a: tf.Tensor, b: tf.Tensor) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
    const y = convolve(x, w);
    const dy = tf.randomNormal(y.shape, 0, 1, 'float32', 3);
    return tf.grads((a, b) => convolve(a, b))([x, w], dy);
  });
  return Promise.all(results.map(async result => ({shape: result.shape, values: await result.data()})));
}

describe.each(cases.map(one => [JSON.stringify(one), one] as const))('gradients of conv2d %s', (_, one) => {
  test('on wasm are those on cpu', async () => {
    const expected = await gradients('cpu', one);
    const actual = await gradients('wasm', one);
    for (const [i, {shape, values}] of expected.entries()) {
      expect(actual[i]!.shape).toEqual(shape);
      expectClose(actual[i]!.values, values, 2e-6);
    }
  });
});

test('the gradients of a convolution leak nothing', async () => {
  await activateBackend('wasm');
  const x = tf.randomNormal<tf.Rank.R4>([2, 8, 8, 3]);
  const w = tf.randomNormal<tf.Rank.R4>([4, 4, 3, 4]);
  const backend = tf.backend() as unknown as {dataIdMap: {numDataIds(): number}};
  const run = () => {
    tf.dispose(tf.grads((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 'same'))([x, w]));
    return [tf.memory().numTensors, backend.dataIdMap.numDataIds()];
  };
  const before = run();
  expect(run()).toEqual(before);
});
