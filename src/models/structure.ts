import type * as tf from '@tensorflow/tfjs';

/** The settings that matter to what a layer computes. */
const SETTINGS =
  'kernelSize strides padding dilationRate dataFormat activation useBias alpha sharedAxes scale offset size interpolation axis';

/** A model's layers, what they are set to, and which feed them. */
export function structure({layers}: tf.LayersModel): string {
  const described = layers.map(layer => {
    const config = layer.getConfig();
    const sources = (layer.inboundNodes[0]?.inputTensors ?? []).map(tensor => layers.indexOf(tensor.sourceLayer));
    return [layer.getClassName(), SETTINGS.split(' ').map(key => config[key]), sources];
  });
  return JSON.stringify(described);
}
