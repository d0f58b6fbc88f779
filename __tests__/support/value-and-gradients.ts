import * as tf from '@tensorflow/tfjs';
import {activateBackend} from './backends.js';
import {valuesOf} from './values.js';

/**
 * The value of `f` and its gradients on one backend, at random inputs of these shapes, the same everywhere; fails if a tensor
 * remains.
 */
export async function valueAndGradientsOn(
  backend: string,
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  shapes: number[][],
): Promise<number[][]> {
  await activateBackend(backend);
  const inputs = shapes.map((shape, i) => tf.randomUniform(shape, -1, 1, 'float32', i + 1));
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => {
    const {value, grads} = tf.valueAndGrads((...xs: tf.Tensor[]) => {
      const y = f(...xs);
      // Weights, so that no two elements count alike.
      return tf.sum(tf.mul(y, tf.range(1, y.size + 1).reshape(y.shape)));
    })(inputs);
    return [f(...inputs), value, ...grads];
  });
  const values = await Promise.all(results.map(valuesOf));
  tf.dispose(results);
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose(inputs);
  return values;
}
