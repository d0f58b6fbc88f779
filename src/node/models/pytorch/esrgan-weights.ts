import * as tf from '@tensorflow/tfjs';
import {esrganGenerator} from '../../../models/esrgan-generator.js';
import {esrganConvolutions} from '../../../models/esrgan-sizes.js';
import type {EsrganSizes} from '../../../models/esrgan-sizes.js';
import type {SafetensorsTensor} from '../../../models/safetensors.js';
import {fromPyTorch, kernelFromPyTorch, kernelToPyTorch, toPyTorch} from './arrays.js';
import type {FloatType} from './arrays.js';
import type {EsrganNaming} from './names.js';
import {esrganNames, esrganNaming} from './names.js';
import {widened, widerSizes} from './wider-growth.js';

type Tensors = Readonly<Record<string, SafetensorsTensor>>;

/** Upsamplings that a network by BasicSR's names has; with those of ESRGAN's first release it has any number. */
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
  const outputs = (name: string) => tensors[`${name}.weight`]?.shape[0] ?? 0;
  const sizes = {scale: 2 ** upsamplings, filters: outputs(names[0]!), growth: outputs(names[1]!), blocks};
  requireShapes(names, sizes, tensors);
  const model = esrganGenerator({...sizes, seed: 1});
  tf.tidy(() => {
    model.setWeights(
      names.flatMap(name => [kernelFromPyTorch(tensors[`${name}.weight`]!), fromPyTorch(tensors[`${name}.bias`]!)]),
    );
  });
  return model;
}

/**
 * The weights of an `esrganGenerator` by BasicSR's names or, where it is not for 4 times, by those of ESRGAN's first release,
 * with a growth of at least 32.
 */
export async function esrganToPyTorch(
  model: tf.LayersModel,
  sizes: EsrganSizes,
  type: FloatType,
): Promise<Record<string, SafetensorsTensor>> {
  const upsamplings = Math.log2(sizes.scale);
  const naming = upsamplings === UPSAMPLINGS_OF_BASICSR ? 'basicsr' : 'first-esrgan';
  const names = esrganNames(naming, sizes.blocks, upsamplings);
  const wider = widerSizes(sizes);
  const tensors: Record<string, SafetensorsTensor> = {};
  for (const [i, [inputs, outputs]] of esrganConvolutions(wider).entries()) {
    const [kernel, bias] = model.weights.slice(2 * i).map(weight => weight.read());
    const [ofKernel, ofBias] = [await kernelToPyTorch(kernel as tf.Tensor4D, type), await toPyTorch(bias!, type)];
    tensors[`${names[i]}.weight`] = widened(ofKernel, [outputs, inputs, 3, 3], sizes, wider);
    tensors[`${names[i]}.bias`] = widened(ofBias, [outputs], sizes, wider);
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
    refuse(`has ${blocks} blocks and ${upsamplings} upsamplings by its names`);
  }
  return {blocks, upsamplings};
}

function requireShapes(names: string[], sizes: EsrganSizes, tensors: Tensors): void {
  const expected = new Map<string, number[]>();
  esrganConvolutions(sizes).forEach(([inputs, outputs], i) => {
    expected.set(`${names[i]}.weight`, [outputs, inputs, 3, 3]).set(`${names[i]}.bias`, [outputs]);
  });
  for (const [name, shape] of expected) {
    const found = tensors[name];
    if (!found) refuse(`has no ${name}`);
    if (found.shape.join() !== shape.join()) {
      refuse(`its ${name} is [${found.shape.join(', ')}] instead of [${shape.join(', ')}]`);
    }
    if (!found.dtype.includes('float')) refuse(`its ${name} is of ${found.dtype}, no floating-point numbers`);
  }
  const other = Object.keys(tensors).find(name => !expected.has(name));
  if (other !== undefined) refuse(`has ${other} too, which no layer of it uses`);
}

function refuse(reason: string): never {
  throw new Error(`by its first names it is an ESRGAN, but ${reason}`);
}
