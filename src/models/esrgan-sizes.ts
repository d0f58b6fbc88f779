import type * as tf from '@tensorflow/tfjs';
import {esrganGenerator} from './esrgan-generator.js';
import {structure} from './structure.js';

/** What makes an `esrganGenerator` the size that it is. */
export interface EsrganSizes {
  scale: number;
  pixelUnshuffle: number;
  filters: number;
  growth: number;
  blocks: number;
}

/** How many times an `esrganGenerator`, of any scale but 3, doubles its trunk's output. */
export function esrganUpsamplings({scale, pixelUnshuffle}: EsrganSizes): number {
  return Math.log2(scale * pixelUnshuffle);
}

/** The convolutions of an `esrganGenerator` in the order of its layers, as inputs and outputs. */
export function esrganConvolutions(sizes: EsrganSizes): [inputs: number, outputs: number][] {
  const {pixelUnshuffle, filters, growth, blocks} = sizes;
  const dense = [0, 1, 2, 3, 4].map((i): [number, number] => [filters + i * growth, i < 4 ? growth : filters]);
  const same = (count: number) => Array.from({length: count}, (): [number, number] => [filters, filters]);
  return [
    [3 * pixelUnshuffle ** 2, filters],
    ...Array.from({length: 3 * blocks}, () => dense).flat(),
    ...same(1 + esrganUpsamplings(sizes) + 1),
    [filters, 3],
  ];
}

/** The sizes with which `esrganGenerator` makes the same layers in the same order; undefined for any other network. */
export function esrganSizes(model: tf.LayersModel): EsrganSizes | undefined {
  const ofKind = (kind: string) => model.layers.filter(layer => layer.getClassName() === kind);
  const kernels = ofKind('Conv2D').map(layer => layer.weights[0]!.shape);
  const upsamplings = ofKind('UpSampling2D').length;
  const pixelUnshuffle = Math.sqrt((kernels[0]?.[2] ?? 0) / 3);
  const sizes = {
    scale: 2 ** upsamplings / pixelUnshuffle,
    pixelUnshuffle,
    filters: kernels[0]?.[3] ?? 0,
    growth: kernels[1]?.[3] ?? 0,
    blocks: (kernels.length - 4 - upsamplings) / 15,
  };
  const {scale, blocks} = sizes;
  // What esrganGenerator makes.
  if (![pixelUnshuffle, scale, blocks].every(size => Number.isInteger(size) && size > 0) || upsamplings > 3) return undefined;
  const expected = esrganConvolutions(sizes).map(([inputs, outputs]) => [3, 3, inputs, outputs].join());
  if (expected.join(' ') !== kernels.map(shape => shape.join()).join(' ')) return undefined;
  const own = esrganGenerator({...sizes, seed: 1});
  const fits = structure(own) === structure(model);
  own.dispose();
  return fits ? sizes : undefined;
}
