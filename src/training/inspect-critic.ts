import type * as tf from '@tensorflow/tfjs';

/** Layers whose output for one sample depends on that sample alone, by class name. */
const PER_SAMPLE = new Set(
  (
    'InputLayer Conv1D Conv2D Conv2DTranspose Conv3D SeparableConv2D DepthwiseConv2D Cropping2D ZeroPadding2D ' +
    'UpSampling2D Dense Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Flatten Reshape Permute RepeatVector ' +
    'Add Subtract Multiply Average Maximum Minimum Concatenate Dot MaxPooling1D MaxPooling2D MaxPooling3D ' +
    'AveragePooling1D AveragePooling2D AveragePooling3D GlobalAveragePooling1D GlobalAveragePooling2D ' +
    'GlobalMaxPooling1D GlobalMaxPooling2D LayerNormalization Rescaling'
  ).split(' '),
);

/**
 * Whether one pass over a critic serves both losses (see `onePassStep`): it must give one logit per sample, and every
 * layer must treat samples, however many, one by one and the same way each time. Batch normalisation mixes them, dropout draws anew,
 * and a layer this list does not know might do either, so these answer no.
 */
export function allowsOnePass(critic: tf.LayersModel): boolean {
  const shape = critic.outputs[0]?.shape ?? [];
  const oneLogit = critic.outputs.length === 1 && shape.slice(1).every(size => size === 1);
  return oneLogit && isPerSample(critic);
}

/** Whether a model, or a layer, takes any number of samples and treats them one by one and the same way each time. */
export function isPerSample(layer: tf.layers.Layer): boolean {
  const {layers, batchInputShape} = layer as Partial<tf.LayersModel> & {batchInputShape?: (number | null)[]};
  if (layers) return layers.every(isPerSample);
  return PER_SAMPLE.has(layer.getClassName()) && (batchInputShape?.[0] ?? null) === null;
}
