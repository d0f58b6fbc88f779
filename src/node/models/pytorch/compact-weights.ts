import * as tf from '@tensorflow/tfjs';
import {compactGenerator} from '../../../models/compact-generator.js';
import type {CompactSizes} from '../../../models/compact-sizes.js';
import {compactConvolutions} from '../../../models/compact-sizes.js';
import type {SafetensorsTensor} from '../../../models/safetensors.js';
import {fromPyTorch, kernelFromPyTorch, kernelToPyTorch, toPyTorch} from './arrays.js';
import type {FloatType} from './arrays.js';
import {blocksFromPyTorch, blocksToPyTorch} from './block-channels.js';
import type {Tensors} from './expected-tensors.js';
import {refuse, requireTensors} from './expected-tensors.js';

const NETWORK = 'a compact network (SRVGGNetCompact)';

/**
 * The compact network that the tensors are the weights of, by Real-ESRGAN's names: `body.<number>`, convolutions at even
 * numbers and the slopes of PReLU between them. Undefined if they are no such network's.
 *
 * @throws what does not fit, if they are almost one's.
 */
export function compactFromPyTorch(tensors: Tensors): tf.LayersModel | undefined {
  const first = Object.hasOwn(tensors, 'body.0.weight') ? tensors['body.0.weight'] : undefined;
  if (first === undefined) return undefined;
  const names = Object.keys(tensors);
  const last = Math.max(...names.map(name => Number(/^body\.(\d+)\.weight$/.exec(name)?.[1] ?? 0)));
  // No more than the file can hold: what follows has an entry for each.
  if (last < 2 || last % 2 !== 0 || last > names.length) refuse(NETWORK, `its last layer is body.${last}`);
  const outputs = tensors[`body.${last}.weight`]!.shape[0] ?? 0;
  const sizes = {scale: Math.sqrt(outputs / 3), filters: first.shape[0] ?? 0, convolutions: last / 2 - 1};
  if (!Number.isInteger(sizes.scale) || sizes.scale < 1) {
    refuse(NETWORK, `it ends with ${outputs} maps, which are not 3 for each pixel of a square`);
  }
  requireTensors(NETWORK, shapes(sizes), tensors);
  const model = compactGenerator({...sizes, seed: 1});
  tf.tidy(() => {
    const weights = Array.from({length: last / 2 + 1}, (_, i) => {
      const [kernel, bias] = [tensors[`body.${2 * i}.weight`]!, tensors[`body.${2 * i}.bias`]!];
      if (2 * i < last) return [kernelFromPyTorch(kernel), fromPyTorch(bias), slopesFromPyTorch(tensors[`body.${2 * i + 1}.weight`]!)];
      const ordered = (tensor: SafetensorsTensor) => blocksFromPyTorch(tensor, 0, sizes.scale ** 2);
      return [kernelFromPyTorch(ordered(kernel)), fromPyTorch(ordered(bias))];
    });
    model.setWeights(weights.flat());
  });
  return model;
}

/** The weights of a `compactGenerator` by Real-ESRGAN's names. */
export async function compactToPyTorch(
  model: tf.LayersModel,
  sizes: CompactSizes,
  type: FloatType,
): Promise<Record<string, SafetensorsTensor>> {
  const tensors: Record<string, SafetensorsTensor> = {};
  const last = 2 * (sizes.convolutions + 1);
  const weights = model.weights.map(weight => weight.read());
  for (let layer = 0; layer < last; layer += 2) {
    const [kernel, bias, slopes] = weights.splice(0, 3) as [tf.Tensor4D, tf.Tensor, tf.Tensor];
    tensors[`body.${layer}.weight`] = await kernelToPyTorch(kernel, type);
    tensors[`body.${layer}.bias`] = await toPyTorch(bias, type);
    tensors[`body.${layer + 1}.weight`] = {...(await toPyTorch(slopes, type)), shape: [sizes.filters]};
  }
  const [kernel, bias] = weights as [tf.Tensor4D, tf.Tensor];
  const ordered = (tensor: SafetensorsTensor) => blocksToPyTorch(tensor, 0, sizes.scale ** 2);
  tensors[`body.${last}.weight`] = ordered(await kernelToPyTorch(kernel, type));
  tensors[`body.${last}.bias`] = ordered(await toPyTorch(bias, type));
  return tensors;
}

function shapes(sizes: CompactSizes): Map<string, number[]> {
  const expected = new Map<string, number[]>();
  const convolutions = compactConvolutions(sizes);
  for (const [i, [inputs, outputs]] of convolutions.entries()) {
    expected.set(`body.${2 * i}.weight`, [outputs, inputs, 3, 3]).set(`body.${2 * i}.bias`, [outputs]);
    if (i < convolutions.length - 1) expected.set(`body.${2 * i + 1}.weight`, [outputs]);
  }
  return expected;
}

/** One for each feature map, as the layer has them. */
function slopesFromPyTorch(tensor: SafetensorsTensor): tf.Tensor {
  return fromPyTorch({...tensor, shape: [1, 1, ...tensor.shape]});
}
