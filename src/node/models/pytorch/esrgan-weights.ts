import * as tf from '@tensorflow/tfjs';
import {esrganGenerator} from '../../../models/esrgan-generator.js';
import {esrganConvolutions, esrganUpsamplings} from '../../../models/esrgan-sizes.js';
import type {EsrganSizes} from '../../../models/esrgan-sizes.js';
import type {SafetensorsTensor} from '../../../models/safetensors.js';
import {fromPyTorch, kernelFromPyTorch, kernelToPyTorch, toPyTorch} from './arrays.js';
import type {FloatType} from './arrays.js';
import {blocksFromPyTorch, blocksToPyTorch} from './block-channels.js';
import type {Tensors} from './expected-tensors.js';
import {refuse, requireTensors} from './expected-tensors.js';
import type {EsrganNaming} from './names.js';
import {esrganNames, esrganNaming} from './names.js';
import {widened, widerSizes} from './wider-growth.js';

const NETWORK = 'an ESRGAN';

/**
 * Upsamplings that a network by BasicSR's names has, for 4 times or, after pixel unshuffle, for fewer; with those of ESRGAN's
 * first release it has any number.
 */
const UPSAMPLINGS_OF_BASICSR = 2;

/**
 * The ESRGAN that the tensors are the weights of, in any of PyTorch's namings; undefined if they are no ESRGAN's.
 *
 * @throws what does not fit, if they are almost one's.
 */
export function esrganFromPyTorch(tensors: Tensors): tf.LayersModel | undefined {
  const naming = esrganNaming(tensors);
  if (naming === undefined) return undefined;
  const {blocks, upsamplings} = counts(naming, Object.keys(tensors));
  const names = esrganNames(naming, blocks, upsamplings);
  const shapeOf = (name: string) => tensors[`${name}.weight`]?.shape ?? [];
  const [filters = 0, channels = 0] = shapeOf(names[0]!);
  const unshuffled = Math.sqrt(channels / 3);
  // Other channels than those of RGB pixels are refused below.
  const pixelUnshuffle = Number.isInteger(2 ** upsamplings / unshuffled) ? unshuffled : 1;
  const growth = shapeOf(names[1]!)[0] ?? 0;
  const sizes = {scale: 2 ** upsamplings / pixelUnshuffle, pixelUnshuffle, filters, growth, blocks};
  requireTensors(NETWORK, shapes(names, sizes), tensors);
  const model = esrganGenerator({...sizes, seed: 1});
  tf.tidy(() => {
    const weights = names.flatMap((name, i) => {
      const kernel = tensors[`${name}.weight`]!;
      const ordered = i === 0 ? blocksFromPyTorch(kernel, 1, pixelUnshuffle ** 2) : kernel;
      return [kernelFromPyTorch(ordered), fromPyTorch(tensors[`${name}.bias`]!)];
    });
    model.setWeights(weights);
  });
  return model;
}

/**
 * The weights of an `esrganGenerator` by BasicSR's names or, where it has other than two upsamplings, by those of ESRGAN's
 * first release, with a growth of at least 32.
 */
export async function esrganToPyTorch(
  model: tf.LayersModel,
  sizes: EsrganSizes,
  type: FloatType,
): Promise<Record<string, SafetensorsTensor>> {
  const upsamplings = esrganUpsamplings(sizes);
  const naming = upsamplings === UPSAMPLINGS_OF_BASICSR ? 'basicsr' : 'first-esrgan';
  const names = esrganNames(naming, sizes.blocks, upsamplings);
  const wider = widerSizes(sizes);
  const tensors: Record<string, SafetensorsTensor> = {};
  for (const [i, [inputs, outputs]] of esrganConvolutions(wider).entries()) {
    const [kernel, bias] = model.weights.slice(2 * i).map(weight => weight.read());
    const ofKernel = await kernelToPyTorch(kernel as tf.Tensor4D, type);
    const ordered = i === 0 ? blocksToPyTorch(ofKernel, 1, sizes.pixelUnshuffle ** 2) : ofKernel;
    tensors[`${names[i]}.weight`] = widened(ordered, [outputs, inputs, 3, 3], sizes, wider);
    tensors[`${names[i]}.bias`] = widened(await toPyTorch(bias!, type), [outputs], sizes, wider);
  }
  return tensors;
}

/** How many blocks and upsamplings there are, by the names. */
function counts(naming: EsrganNaming, names: string[]): {blocks: number; upsamplings: number} {
  const highest = (pattern: RegExp) => Math.max(-1, ...names.map(name => Number(pattern.exec(name)?.[1] ?? -1)));
  const first = naming === 'first-esrgan';
  // There, the convolution that ends the trunk is numbered as one block more.
  const blocks = 1 + highest(first ? /^model\.1\.sub\.(\d+)\.RDB1/ : /^(?:body|RRDB_trunk)\.(\d+)\./);
  // Of the modules outside the trunk, the last is number 4 without upsamplings, and each adds three.
  const upsamplings = first ? (highest(/^model\.(\d+)\.weight$/) - 4) / 3 : highest(/^(?:conv_up|upconv)(\d+)\.weight$/);
  // No more than the file can hold: what follows has an entry for each.
  if (!Number.isInteger(upsamplings) || upsamplings < 0 || upsamplings > 3 || blocks > names.length) {
    refuse(NETWORK, `has ${blocks} blocks and ${upsamplings} upsamplings by its names`);
  }
  return {blocks, upsamplings};
}

function shapes(names: string[], sizes: EsrganSizes): Map<string, number[]> {
  const expected = new Map<string, number[]>();
  esrganConvolutions(sizes).forEach(([inputs, outputs], i) => {
    expected.set(`${names[i]}.weight`, [outputs, inputs, 3, 3]).set(`${names[i]}.bias`, [outputs]);
  });
  return expected;
}
