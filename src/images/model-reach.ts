import * as tf from '@tensorflow/tfjs';

/** What a model's layers say of how it sees a picture. */
export interface ModelReach {
  /**
   * How many input pixels away a pixel can be and still change the output at some place. It is never less than that, and
   * where kernels are even or strided a little more.
   */
  radius: number;
  /** A part of a picture is computed as in the whole where it begins and ends at multiples of this, in input pixels. */
  step: number;
  /** Layers of which neither is known: they may look anywhere. */
  unknown: string[];
}

/** Where a tensor in the model stands: how far it looks, and how many of its pixels make one of the input's. */
interface Place {
  radius: number;
  scale: number;
}

/** Layers whose output at a pixel depends on that pixel alone. */
const POINTWISE = new Set(
  (
    'Activation Add AlphaDropout Average Dense Dropout ELU GaussianDropout GaussianNoise LeakyReLU Maximum Minimum ' +
    'Multiply PReLU ReLU Rescaling ThresholdedReLU'
  ).split(' '),
);

/** The same, if their axis is that of the channels. */
const POINTWISE_ALONG_CHANNELS = new Set(['BatchNormalization', 'Concatenate', 'LayerNormalization', 'Softmax']);

/** Layers that slide a window over the picture. */
const WINDOWED = new Set(['Conv2D', 'DepthwiseConv2D', 'SeparableConv2D', 'MaxPooling2D', 'AveragePooling2D']);

/** Follows every path through a model, and through the models inside it. */
export function modelReach(model: tf.LayersModel): ModelReach {
  const unknown = new Set<string>();
  const scales = new Set<number>();
  const places = follow(
    model,
    model.inputs.map(() => ({radius: 0, scale: 1})),
    (layer, input) => {
      const output = through(layer, input);
      if (!output) unknown.add(layer.getClassName());
      scales.add((output ?? input).scale);
      return output ?? input;
    },
  );
  let step = 1;
  // Each tensor must have whole pixels in a part.
  while ([...scales].some(scale => Math.abs(step * scale - Math.round(step * scale)) > 1e-6)) step++;
  return {radius: Math.ceil(Math.max(...places.map(({radius}) => radius))), step, unknown: [...unknown]};
}

/** The places of a model's outputs, from those of its inputs. */
function follow(
  model: tf.LayersModel,
  inputs: Place[],
  visit: (layer: tf.layers.Layer, input: Place) => Place,
): Place[] {
  const places = new Map(model.inputs.map((tensor, i) => [tensor.id, inputs[i]!]));
  const placeOf = (tensor: tf.SymbolicTensor): Place => {
    const known = places.get(tensor.id);
    if (known) return known;
    const layer = tensor.sourceLayer;
    const {inputTensors, outputTensors} = layer.inboundNodes[tensor.nodeIndex]!;
    const sources = inputTensors.map(placeOf);
    const input = {
      radius: Math.max(...sources.map(({radius}) => radius)),
      scale: Math.min(...sources.map(({scale}) => scale)),
    };
    const outputs =
      layer instanceof tf.LayersModel ? follow(layer, sources, visit) : outputTensors.map(() => visit(layer, input));
    outputTensors.forEach(({id}, i) => places.set(id, outputs[i]!));
    return places.get(tensor.id)!;
  };
  return model.outputs.map(placeOf);
}

/** The place behind a layer; undefined if what the layer sees is not known. */
function through(layer: tf.layers.Layer, {radius, scale}: Place): Place | undefined {
  const {className: name, config} = inside({className: layer.getClassName(), config: layer.getConfig()});
  const {kernelSize, poolSize, dilationRate, strides, size, padding, cropping} = config;
  if (POINTWISE.has(name)) return {radius, scale};
  if (POINTWISE_ALONG_CHANNELS.has(name)) {
    const {axis = -1} = config;
    return [axis].flat().every(one => one === -1 || one === 3) ? {radius, scale} : undefined;
  }
  if (WINDOWED.has(name)) {
    const window = (largest(poolSize ?? kernelSize) - 1) * largest(dilationRate) + 1;
    const stride = largest(strides);
    // Where it is strided, the output's pixels do not lie in the middle of their windows.
    const reach = stride === 1 ? Math.floor(window / 2) : Math.max(window, stride) - 1;
    return {radius: radius + reach / scale, scale: scale / stride};
  }
  if (name === 'Conv2DTranspose') {
    const larger = scale * largest(strides);
    return {radius: radius + (largest(kernelSize) - 1) / larger, scale: larger};
  }
  if (name === 'UpSampling2D') {
    const neighbours = config.interpolation === 'bilinear' ? 1 : 0;
    return {radius: radius + neighbours / scale, scale: scale * largest(size)};
  }
  if (name === 'BilinearUpsampling') return {radius: radius + 1 / scale, scale: 2 * scale};
  if (name === 'PixelUnshuffle') {
    const factor = largest(config.scale);
    return {radius: radius + (factor - 1) / scale, scale: scale / factor};
  }
  if (name === 'PixelShuffle') return {radius, scale: scale * largest(config.scale)};
  if (name === 'ZeroPadding2D') return {radius: radius + largest(padding) / scale, scale};
  if (name === 'Cropping2D') return {radius: radius + largest(cropping) / scale, scale};
  return undefined;
}

interface Description {
  className: string;
  config: tf.serialization.ConfigDict;
}

/** The layer that spectral normalization is around of, which looks as far; any other is itself. */
function inside(layer: Description): Description {
  return layer.className === 'SpectralNormalization' ? (layer.config.layer as unknown as Description) : layer;
}

/** The largest of the numbers in a layer's setting, 1 if it has none. */
function largest(setting: tf.serialization.ConfigDictValue | undefined): number {
  const numbers = [setting].flat(2).filter(one => typeof one === 'number');
  return numbers.length === 0 ? 1 : Math.max(...numbers);
}
