import type * as tf from '@tensorflow/tfjs';
import {compactGenerator} from './compact-generator.js';
import {structure} from './structure.js';

/** What makes a `compactGenerator` the size that it is. */
export interface CompactSizes {
  scale: number;
  filters: number;
  convolutions: number;
}

/** The convolutions of a `compactGenerator` in the order of its layers, as inputs and outputs. */
export function compactConvolutions({scale, filters, convolutions}: CompactSizes): [inputs: number, outputs: number][] {
  const inner = Array.from({length: convolutions}, (): [number, number] => [filters, filters]);
  return [[3, filters], ...inner, [filters, 3 * scale ** 2]];
}

/** The sizes with which `compactGenerator` makes the same layers in the same order; undefined for any other network. */
export function compactSizes(model: tf.LayersModel): CompactSizes | undefined {
  const kernels = model.layers.filter(layer => layer.getClassName() === 'Conv2D').map(layer => layer.weights[0]!.shape);
  const sizes = {
    scale: Math.sqrt((kernels.at(-1)?.[3] ?? 0) / 3),
    filters: kernels[0]?.[3] ?? 0,
    convolutions: kernels.length - 2,
  };
  const {scale, convolutions} = sizes;
  if (!Number.isInteger(scale) || scale < 1 || convolutions < 0) return undefined;
  const expected = compactConvolutions(sizes).map(([inputs, outputs]) => [3, 3, inputs, outputs].join());
  if (expected.join(' ') !== kernels.map(shape => shape.join()).join(' ')) return undefined;
  const own = compactGenerator({...sizes, seed: 1});
  const fits = structure(own) === structure(model);
  own.dispose();
  return fits ? sizes : undefined;
}
