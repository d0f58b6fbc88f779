import * as tf from '@tensorflow/tfjs';
import type {BackendName} from '../backend.js';
import {useBackend} from '../backend.js';

/** Where a small training ended, and what it ran on. */
export interface SmallTraining {
  reason: string;
  gpu: boolean;
  /** The losses of all steps, then the trained weights. */
  values: number[];
}

/** Trains a small strided convolution on fixed numbers for a few steps; the same on every backend, up to rounding. */
export async function trainSmallConvolution(backend: BackendName): Promise<SmallTraining> {
  const {reason} = await useBackend(backend);
  const gpu = (tf.backend() as {isUsingGpuDevice?: boolean}).isUsingGpuDevice === true;
  const fixed = (shape: number[], step: number) =>
    tf.tensor(
      Array.from({length: tf.util.sizeFromShape(shape)}, (_, i) => Math.sin(step * i)),
      shape,
    );
  const images = fixed([2, 8, 8, 3], 0.37) as tf.Tensor4D;
  const targets = fixed([2, 4, 4, 4], 0.73);
  const filters = tf.variable(fixed([3, 3, 3, 4], 0.91) as tf.Tensor4D);
  const optimizer = tf.train.sgd(0.05);
  const losses: tf.Scalar[] = [];
  for (let step = 0; step < 5; step++) {
    const loss = optimizer.minimize(
      () => tf.losses.meanSquaredError(targets, tf.conv2d(images, filters, 2, 'same').tanh()),
      true,
    );
    losses.push(loss!);
  }
  const values = tf.tidy(() => tf.concat([...losses.map(loss => loss.flatten()), filters.flatten()]));
  const result = {reason, gpu, values: [...(await values.data())]};
  tf.dispose([images, targets, filters, values, ...losses]);
  optimizer.dispose();
  return result;
}
