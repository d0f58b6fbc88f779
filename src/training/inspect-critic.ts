import type * as tf from '@tensorflow/tfjs';

/** Layers whose output for one sample depends on that sample alone, by class name. */
const PER_SAMPLE = new Set(
  (
    'InputLayer Conv1D Conv2D Conv2DTranspose Conv3D SeparableConv2D DepthwiseConv2D Cropping2D ZeroPadding2D ' +
    'UpSampling2D Dense Embedding Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Flatten Reshape Permute RepeatVector ' +
    'Add Subtract Multiply Average Maximum Minimum Concatenate Dot MaxPooling1D MaxPooling2D MaxPooling3D ' +
    'AveragePooling1D AveragePooling2D AveragePooling3D GlobalAveragePooling1D GlobalAveragePooling2D ' +
    'GlobalMaxPooling1D GlobalMaxPooling2D LayerNormalization Rescaling PixelShuffle PixelUnshuffle BilinearUpsampling'
  ).split(' '),
);

/** Layers whose output for one sample depends on the others of its batch. */
const MIXING = new Set(['BatchNormalization']);

/** A layer as it may be made of others: a model, or a wrapper around one or two layers. */
type Composed = tf.layers.Layer &
  Partial<Record<'layer' | 'forwardLayer' | 'backwardLayer', tf.layers.Layer>> & {layers?: tf.layers.Layer[]};

/**
 * Whether one pass over a critic serves both losses (see `onePassStep`): it must give one logit per sample, and every
 * layer must treat samples, however many, one by one and the same way within a pass. Batch normalisation mixes them,
 * dropout draws anew, and a layer this list does not know might do either, so these answer no.
 */
export function allowsOnePass(critic: tf.LayersModel): boolean {
  return givesOneLogit(critic) && withoutSpectralNormalization(critic).every(isPerSample);
}

/** Whether a critic gives one logit for each sample. */
export function givesOneLogit(critic: tf.LayersModel): boolean {
  return critic.outputs.length === 1 && critic.outputs[0]!.shape.slice(1).every(size => size === 1);
}

/** The first layer of a model, within others too, that is known to mix the samples of a batch. */
export function mixingLayer(layer: tf.layers.Layer): tf.layers.Layer | undefined {
  if (MIXING.has(layer.getClassName())) return layer;
  const {layers = [], layer: wrapped, forwardLayer, backwardLayer} = layer as Composed;
  const within = [...layers, wrapped, forwardLayer, backwardLayer].filter(one => one !== undefined);
  return within.map(mixingLayer).find(one => one !== undefined);
}

/** Whether a model, or a layer, takes any number of samples and treats them one by one and the same way each time. */
export function isPerSample(layer: tf.layers.Layer): boolean {
  const {layers, batchInputShape} = layer as Composed & {batchInputShape?: (number | null)[]};
  if (layers) return layers.every(isPerSample);
  return PER_SAMPLE.has(layer.getClassName()) && (batchInputShape?.[0] ?? null) === null;
}

/** Whether a layer gives the same once more for the same batch, from the same weights and statistics. */
export function isRepeatable(layer: tf.layers.Layer): boolean {
  // A model that is one here has a class of its own.
  if ((layer as Composed).layers) return false;
  const kinds = withoutSpectralNormalization(layer).map(one => one.getClassName());
  return kinds.every(kind => PER_SAMPLE.has(kind) || MIXING.has(kind));
}

/** A model's layers, with what spectral normalisation is around of in its place: it changes from pass to pass, not within one. */
function withoutSpectralNormalization(layer: tf.layers.Layer): tf.layers.Layer[] {
  const {layers, layer: wrapped} = layer as Composed;
  if (layers) return layers.flatMap(withoutSpectralNormalization);
  return [layer.getClassName() === 'SpectralNormalization' ? wrapped! : layer];
}
