import * as tf from '@tensorflow/tfjs';

type KernelFunction = tf.KernelConfig['kernelFunc'];

/**
 * The kernel DepthwiseConv2dNative with dilations, with its padding as `'same'` or `'valid'`, by one without, which is all that
 * TensorFlow has on a processor without oneDNN.
 *
 * Taps that lie `dilation` apart see every `dilation`-th pixel only: these pixels make images of their own, which the filter
 * goes over as it is. TensorFlow.js takes dilations in steps of 1 alone.
 */
export function dilatedDepthwise(original: KernelFunction): KernelFunction {
  return args => {
    const attrs = args.attrs as unknown as {dilations?: number | number[]; pad: 'same' | 'valid'};
    const dilations = [attrs.dilations ?? 1].flat();
    const [down, across] = [dilations[0]!, dilations.at(-1)!];
    if (down === 1 && across === 1) return original(args);
    return tf.tidy(() => {
      const {x, filter} = args.inputs as {x: tf.Tensor4D; filter: tf.Tensor4D};
      const {top, bottom, left, right} = tf.backend_util.computeConv2DInfo(
        x.shape,
        filter.shape,
        1,
        [down, across],
        attrs.pad,
        undefined,
        true,
      ).padInfo;
      // Zeros that make the images divisible, and are cut off again.
      const missing = (size: number, dilation: number) => (dilation - (size % dilation)) % dilation;
      const [moreRows, moreColumns] = [
        missing(top + x.shape[1] + bottom, down),
        missing(left + x.shape[2] + right, across),
      ];
      const apart = tf.spaceToBatchND(
        x,
        [down, across],
        [
          [top, bottom + moreRows],
          [left, right + moreColumns],
        ],
      );
      const result = original({
        ...args,
        inputs: {x: apart, filter},
        attrs: {...args.attrs, pad: 'valid', dilations: 1},
      }) as tf.Tensor;
      return tf.batchToSpaceND(
        result,
        [down, across],
        [
          [0, moreRows],
          [0, moreColumns],
        ],
      );
    });
  };
}
