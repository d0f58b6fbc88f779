import * as tf from '@tensorflow/tfjs';
import type {GraphBuilder} from './graph-builder.js';

type Config = tf.serialization.ConfigDict;

/** Adds a layer to the graph, as nodes that keep channels before height and width; returns what it makes. */
type Converter = (graph: GraphBuilder, layer: tf.layers.Layer, inputs: string[]) => string | Promise<string>;

const ACTIVATIONS: Readonly<Record<string, string>> = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  elu: 'Elu',
  softplus: 'Softplus',
  softsign: 'Softsign',
};

/** Of every layer that can be written: those of this package's generators and of UpscalerJS's models. */
export const CONVERTERS: Readonly<Record<string, Converter>> = {
  Conv2D: convolution,
  Activation: (graph, layer, [input]) => activated(graph, layer.name, layer.getConfig().activation as string, input!),
  ReLU: (graph, layer, inputs) => {
    const {maxValue} = layer.getConfig();
    if (maxValue !== undefined && maxValue !== null) throw new Error(`it ends at ${Number(maxValue)}`);
    return graph.add(layer.name, 'Relu', inputs);
  },
  LeakyReLU: (graph, layer, inputs) =>
    graph.add(layer.name, 'LeakyRelu', inputs, {alpha: {float: Number(layer.getConfig().alpha)}}),
  PReLU: async (graph, layer, inputs) => {
    const slopes = layer.weights[0]!.read();
    if (slopes.shape.slice(0, -1).some(size => size !== 1)) throw new Error('its slopes differ from pixel to pixel');
    const byChannel = slopes.reshape([slopes.size, 1, 1]);
    try {
      return graph.add(layer.name, 'PRelu', [...inputs, await graph.weight(`${layer.name}/alpha`, byChannel)]);
    } finally {
      byChannel.dispose();
    }
  },
  Concatenate: (graph, layer, inputs) => {
    const {axis} = layer.getConfig();
    if (axis !== -1 && axis !== 3) throw new Error(`its axis ${JSON.stringify(axis)} is not that of the channels`);
    return graph.add(layer.name, 'Concat', inputs, {axis: 1});
  },
  Add: (graph, layer, [first, ...others]) =>
    others.reduce((sum, other) => graph.add(layer.name, 'Add', [sum, other]), first!),
  Rescaling: (graph, layer, [input]) => {
    const {scale, offset} = layer.getConfig();
    const {name} = layer;
    const scaled = graph.add(name, 'Mul', [input!, graph.constant(`${name}/scale`, [Number(scale)])]);
    if (!offset) return scaled;
    return graph.add(name, 'Add', [scaled, graph.constant(`${name}/offset`, [Number(offset)])]);
  },
  UpSampling2D: (graph, layer, [input]) => {
    const config = layer.getConfig();
    requireChannelsLast(config);
    const scales = graph.constant(`${layer.name}/scales`, [1, 1, ...(config.size as number[])], [4]);
    const pixels = config.interpolation === 'bilinear' ? {mode: 'linear'} : {mode: 'nearest', nearest_mode: 'floor'};
    return graph.add(layer.name, 'Resize', [input!, '', scales], {
      ...pixels,
      coordinate_transformation_mode: 'asymmetric',
    });
  },
  PixelUnshuffle: (graph, layer, inputs) =>
    graph.add(layer.name, 'SpaceToDepth', inputs, {blocksize: Number(layer.getConfig().scale)}),
  PixelShuffle: (graph, layer, inputs) =>
    graph.add(layer.name, 'DepthToSpace', inputs, {blocksize: Number(layer.getConfig().scale), mode: 'DCR'}),
};

async function convolution(graph: GraphBuilder, layer: tf.layers.Layer, inputs: string[]): Promise<string> {
  const config = layer.getConfig();
  requireChannelsLast(config);
  const {name} = layer;
  const [kernel, bias] = layer.weights.map(weight => weight.read());
  const transposed = tf.transpose(kernel!, [3, 2, 0, 1]);
  try {
    const weights = [await graph.weight(`${name}/kernel`, transposed)];
    if (bias) weights.push(await graph.weight(`${name}/bias`, bias));
    const [strides, dilations] = [pair(config.strides), pair(config.dilationRate)];
    const shape = kernel!.shape.slice(0, 2);
    const attributes = {
      kernel_shape: shape,
      strides,
      dilations,
      ...padding(config.padding as string, shape, strides, dilations),
    };
    const made = graph.add(name, 'Conv', [...inputs, ...weights], attributes);
    return activated(graph, name, config.activation as string, made);
  } finally {
    transposed.dispose();
  }
}

function activated(graph: GraphBuilder, name: string, activation: string, input: string): string {
  if (activation === 'linear') return input;
  const op = ACTIVATIONS[activation];
  if (op === undefined) {
    throw new Error(`its activation ${activation} is none of ${Object.keys(ACTIVATIONS).join(', ')}`);
  }
  return graph.add(`${name}/${activation}`, op, [input]);
}

/** As TensorFlow pads: more at the end than at the beginning where it cannot pad alike. */
function padding(
  mode: string,
  shape: number[],
  strides: number[],
  dilations: number[],
): Record<string, string | number[]> {
  if (mode !== 'same') return {};
  // With strides it depends on the size of the picture.
  if (strides.some(stride => stride !== 1)) return {auto_pad: 'SAME_UPPER'};
  const whole = shape.map((size, i) => (size - 1) * dilations[i]!);
  return {pads: [...whole.map(size => Math.floor(size / 2)), ...whole.map(size => Math.ceil(size / 2))]};
}

function requireChannelsLast({dataFormat}: Config): void {
  if (dataFormat === 'channelsFirst') throw new Error('its channels come first');
}

/** A setting for height and width, which may be one number for both. */
function pair(setting: Config[string] | undefined): number[] {
  return Array.isArray(setting) ? (setting as number[]) : [Number(setting ?? 1), Number(setting ?? 1)];
}
