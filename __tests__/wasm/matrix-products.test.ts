import * as tf from '@tensorflow/tfjs';
import {activateBackend} from '../support/backends.js';
import {expectClose} from '../support/values.js';

type Activation = NonNullable<Parameters<typeof tf.fused.matMul>[0]['activation']>;

const noise = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Fails unless both backends give the same, and nothing is left behind on wasm. */
async function expectAsOnCpu(compute: () => tf.Tensor): Promise<void> {
  await activateBackend('cpu');
  const expected = await tf.tidy(compute).data();
  await activateBackend('wasm');
  const {numTensors, numDataBuffers} = tf.memory();
  const actual = tf.tidy(compute);
  expectClose(await actual.data(), expected, 1e-5);
  actual.dispose();
  expect(tf.memory()).toMatchObject({numTensors, numDataBuffers});
}

describe('on wasm, as on cpu,', () => {
  test('products by the same values in several shapes', () =>
    expectAsOnCpu(() => {
      const values = noise([24], 1);
      return tf.addN(
        [2, 4, 8, 2].map(rows =>
          tf
            .matMul(noise([3, rows], rows), values.reshape([rows, 24 / rows]))
            .sum(1)
            .add(values.slice(rows, 3)),
        ),
      );
    }));

  test('convolutions by the same values in several shapes', () =>
    expectAsOnCpu(() => {
      const values = noise([72], 1);
      const shapes: [number, number, number, number][] = [
        [3, 3, 2, 4],
        [3, 3, 4, 2],
        [1, 1, 12, 6],
        [3, 3, 8, 1],
      ];
      return tf.addN(
        shapes.map(([height, width, channels, outputs]) =>
          tf
            .conv2d(
              noise([1, 4, 4, channels], 2) as tf.Tensor4D,
              values.reshape([height, width, channels, outputs]),
              1,
              'same',
            )
            .sum(3),
        ),
      );
    }));

  test.each(
    [
      [[3, 100], [100, 4], [4], false],
      [[3, 100], [100, 4], [1], false],
      [[3, 100], [100, 4], [3, 4], false],
      [[3, 100], [4, 100], [4], true],
      [[2, 3, 60], [2, 60, 4], [4], false],
      [[2, 3, 60], [2, 60, 4], [2, 3, 1], false],
      [[3, 5], [5, 4], [], false],
    ].flatMap(call => (['linear', 'relu', 'prelu', 'elu'] as const).map(activation => [...call, activation])),
  )('a fused product of %j and %j with a bias of %j (transposed %s), %s', (a, b, bias, transposeB, activation) =>
    expectAsOnCpu(() =>
      tf.fused.matMul({
        a: noise(a as number[], 1),
        b: noise(b as number[], 2),
        transposeB: transposeB as boolean,
        bias: noise(bias as number[], 3),
        activation: activation as Activation,
        ...(activation === 'prelu' ? {preluActivationWeights: noise([3, 1], 4)} : {}),
      }),
    ),
  );
});
