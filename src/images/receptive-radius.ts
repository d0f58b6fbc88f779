import type * as tf from '@tensorflow/tfjs';

/**
 * How many input pixels away a pixel can be and still change the output at some place: the sum over the longest path
 * of half of each convolution's kernel, in pixels of the input, rounded up.
 */
export function receptiveRadius(model: tf.LayersModel): number {
  // Per tensor: how far it looks, and how many of its pixels make one of the input's.
  const reach = new Map<number, {radius: number; scale: number}>();
  for (const input of model.inputs) reach.set(input.id, {radius: 0, scale: 1});
  for (const layer of model.layers) {
    for (const node of layer.inboundNodes) {
      const sources = node.inputTensors.map(tensor => reach.get(tensor.id)).filter(one => one !== undefined);
      if (sources.length === 0) continue;
      const {kernelSize = 1, dilationRate = 1, strides = 1, size = 1} = largest(layer.getConfig());
      const scale = Math.min(...sources.map(one => one.scale));
      const radius = Math.max(...sources.map(one => one.radius)) + (((kernelSize - 1) / 2) * dilationRate) / scale;
      for (const tensor of node.outputTensors) reach.set(tensor.id, {radius, scale: (scale * size) / strides});
    }
  }
  return Math.ceil(Math.max(...model.outputs.map(output => reach.get(output.id)?.radius ?? 0)));
}

/** The numbers of a layer's configuration, of pairs the larger one. */
function largest(config: tf.serialization.ConfigDict): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'number') numbers[name] = value;
    if (Array.isArray(value) && value.every(one => typeof one === 'number')) numbers[name] = Math.max(...value);
  }
  return numbers;
}
