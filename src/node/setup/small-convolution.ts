import * as tf from '@tensorflow/tfjs';
import type {BackendName} from '../backends/choice.js';
import {useBackend} from '../backends/choice.js';
import {captureStep} from '../capture/capture-step.js';

/** Where a small training ended, and what it ran on. */
export interface SmallTraining {
  reason: string;
  gpu: boolean;
  /** The losses of all steps, then the trained weights. */
  values: number[];
}

/**
 * Trains two small convolutions on fixed numbers for a few steps, on TensorFlow most of them captured, with the convolutions
 * that captured steps have of their own; the same on every backend, up to rounding.
 *
 * @throws if TensorFlow does not capture the step.
 */
export async function trainSmallConvolution(backend: BackendName): Promise<SmallTraining> {
  const {reason} = await useBackend(backend);
  const gpu = (tf.backend() as {isUsingGpuDevice?: boolean}).isUsingGpuDevice === true;
  const fixed = (shape: number[], step: number, largest = 1) =>
    tf.tensor(
      Array.from({length: tf.util.sizeFromShape(shape)}, (_, i) => largest * Math.sin(step * i)),
      shape,
    );
  const images = fixed([1, 16, 16, 16], 0.37);
  const targets = fixed([1, 8, 8, 4], 0.73);
  const filters = [fixed([3, 3, 16, 16], 0.91, 0.1), fixed([3, 3, 16, 4], 0.53, 0.1)].map(filter =>
    tf.variable(filter),
  );
  const optimizer = tf.train.sgd(0.05);
  const train = (x: tf.Tensor, y: tf.Tensor) =>
    optimizer.minimize(() => {
      const [first, second] = filters as unknown as [tf.Tensor4D, tf.Tensor4D];
      const features = tf.leakyRelu(tf.conv2d(x as tf.Tensor4D, first, 1, 'same'));
      return tf.losses.meanSquaredError(y, tf.conv2d(features, second, 2, 'same').tanh());
    }, true)!;
  const captured = tf.getBackend() === 'tensorflow' ? captureStep(train, {inputs: [images, targets]}) : undefined;
  const losses = Array.from({length: 5}, () => (captured ?? train)(images, targets));
  if (captured && captured.status.state !== 'captured')
    throw new Error(`it captures no step: ${captured.status.reason}`);
  captured?.dispose();
  const values = tf.tidy(() => tf.concat([...losses, ...filters].map(tensor => tf.reshape(tensor, [-1]))));
  const result = {reason, gpu, values: [...(await values.data())]};
  tf.dispose([images, targets, filters, values, losses]);
  optimizer.dispose();
  return result;
}
