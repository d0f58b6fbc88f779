import type * as tf from '@tensorflow/tfjs';
import {esrganGenerator} from './esrgan-generator.js';

/** What makes an `esrganGenerator` the size that it is. */
export interface EsrganSizes {
  scale: number;
  filters: number;
  growth: number;
  blocks: number;
}

/** The convolutions of an `esrganGenerator` in the order of its layers, as inputs and outputs. */
export function esrganConvolutions({scale, filters, growth, blocks}: EsrganSizes): [inputs: number, outputs: number][] {
  const dense = [0, 1, 2, 3, 4].map((i): [number, number] => [filters + i * growth, i < 4 ? growth : filters]);
  const same = (count: number) => Array.from({length: count}, (): [number, number] => [filters, filters]);
  return [
    [3, filters],
    ...Array.from({length: 3 * blocks}, () => dense).flat(),
    ...same(1 + Math.log2(scale) + 1),
    [filters, 3],
  ];
}

/** The sizes with which `esrganGenerator` makes the same layers in the same order; undefined for any other network. */
export function esrganSizes(model: tf.LayersModel): EsrganSizes | undefined {
  const ofKind = (kind: string) => model.layers.filter(layer => layer.getClassName() === kind);
  const kernels = ofKind('Conv2D').map(layer => layer.weights[0]!.shape);
  const upsamplings = ofKind('UpSampling2D').length;
  const sizes = {
    scale: 2 ** upsamplings,
    filters: kernels[0]?.[3] ?? 0,
    growth: kernels[1]?.[3] ?? 0,
    blocks: (kernels.length - 4 - upsamplings) / 15,
  };
  if (!Number.isInteger(sizes.blocks) || sizes.blocks < 1 || sizes.scale > 8) return undefined;
  const expected = esrganConvolutions(sizes).map(([inputs, outputs]) => [3, 3, inputs, outputs].join());
  if (expected.join(' ') !== kernels.map(shape => shape.join()).join(' ')) return undefined;
  const own = esrganGenerator({...sizes, seed: 1});
  const fits = structure(own) === structure(model);
  own.dispose();
  return fits ? sizes : undefined;
}

/** The settings that matter to what a layer computes. */
const SETTINGS =
  'kernelSize strides padding dilationRate dataFormat activation useBias alpha scale offset size interpolation axis';

/** A model's layers, what they are set to, and which feed them. */
function structure({layers}: tf.LayersModel): string {
  const described = layers.map(layer => {
    const config = layer.getConfig();
    const sources = (layer.inboundNodes[0]?.inputTensors ?? []).map(tensor => layers.indexOf(tensor.sourceLayer));
    return [layer.getClassName(), SETTINGS.split(' ').map(key => config[key]), sources];
  });
  return JSON.stringify(described);
}
