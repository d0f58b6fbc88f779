import type {EsrganSizes} from '../../../models/esrgan-sizes.js';
import type {SafetensorsTensor} from '../../../models/safetensors.js';

/** The growth of every ESRGAN that spandrel opens, as it is not in the files. */
const GROWTH = 32;

/** The sizes of an ESRGAN once its dense blocks have as many channels as spandrel takes for granted, where they have less. */
export function widerSizes(sizes: EsrganSizes): EsrganSizes {
  return {...sizes, growth: Math.max(sizes.growth, GROWTH)};
}

/**
 * A convolution's kernel or bias of an ESRGAN, in PyTorch's layout, with channels of zeros put in for a larger growth: what the
 * network computes stays the same, as the activation of zero is zero.
 *
 * @param shape what it is to have, `[outputs, inputs, 3, 3]` or `[outputs]`.
 */
export function widened(
  tensor: SafetensorsTensor,
  shape: number[],
  {filters, growth}: EsrganSizes,
  wider: EsrganSizes,
): SafetensorsTensor {
  const [, inputs = 1] = tensor.shape;
  const [outputs = 1, widerInputs = 1] = shape;
  // Behind the block's own channels come those of its convolutions, each so many more.
  const place = (channel: number) => {
    if (inputs === widerInputs || channel < filters) return channel;
    const added = channel - filters;
    return filters + Math.floor(added / growth) * wider.growth + (added % growth);
  };
  const pixels = tensor.shape.slice(2).reduce((product, size) => product * size, 1);
  const from = tensor.data as Float32Array;
  const data = new Float32Array(outputs * widerInputs * pixels);
  for (let output = 0; output < tensor.shape[0]!; output++) {
    for (let input = 0; input < inputs; input++) {
      const begin = (output * inputs + input) * pixels;
      data.set(from.subarray(begin, begin + pixels), (output * widerInputs + place(input)) * pixels);
    }
  }
  return {...tensor, shape, data};
}
