import * as tf from '@tensorflow/tfjs';

type KernelFunction = tf.KernelConfig['kernelFunc'];
type Images = tf.Tensor4D;
type Pad = 'valid' | 'same' | number | [[number, number], [number, number], [number, number], [number, number]];

interface Attributes {
  filterSize: [number, number] | number;
  filterShape: [number, number, number, number];
  inputShape: [number, number, number, number];
  strides: [number, number] | number;
  pad: Pad;
  dataFormat?: 'NHWC' | 'NCHW';
}

/**
 * Kernels of convolutions and pools and of their gradients with padding given in numbers, which the backend refuses:
 * mostly the images are padded first, and then nothing needs padding.
 */
export const explicitPadding: Record<string, (original: KernelFunction) => KernelFunction> = {
  // These take a list of paddings, but not a number.
  Conv2D: listed,
  FusedConv2D: listed,
  DepthwiseConv2dNative: listed,
  Conv2DBackpropFilter: padded(({x, dy}, attrs, run) => run({x: pad(x!, attrs), dy: dy!}, {})),
  Conv2DBackpropInput: padded(({dy, filter}, attrs, run) => {
    const paddings = paddingsOf(attrs);
    const inputShape = attrs.inputShape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    return unpad(run({dy: dy!, filter: filter!}, {inputShape}), attrs.inputShape, paddings);
  }),
  MaxPool: padded(({x}, attrs, run) => run({x: pad(x!, attrs, -Infinity)}, {})),
  MaxPoolGrad: padded(({dy, input, output}, attrs, run) =>
    unpad(run({dy: dy!, input: pad(input!, attrs, -Infinity), output: output!}, {}), input!.shape, paddingsOf(attrs)),
  ),
  // The padding does not count in the average.
  AvgPool: padded(({x}, attrs, run) => tf.div(run({x: pad(x!, attrs)}, {}), coverage(x!, attrs))),
  AvgPoolGrad: padded(({dy, input}, attrs, run) => {
    const spread = run({dy: tf.div(dy!, coverage(input!, attrs)), input: pad(input!, attrs)}, {});
    return unpad(spread, input!.shape, paddingsOf(attrs));
  }),
};

function listed(original: KernelFunction): KernelFunction {
  return args => {
    const attrs = args.attrs as unknown as Attributes;
    if (typeof attrs.pad !== 'number') return original(args);
    return original({...args, attrs: {...args.attrs, pad: paddingsOf(attrs)}});
  };
}

type Run = (inputs: Record<string, tf.Tensor>, attributes: Partial<Record<string, unknown>>) => Images;

function padded(
  withPadding: (inputs: Record<string, Images>, attributes: Attributes, run: Run) => tf.Tensor,
): (original: KernelFunction) => KernelFunction {
  return original => args => {
    const attrs = args.attrs as unknown as Attributes;
    if (typeof attrs.pad === 'string') return original(args);
    // Anything but 'valid' is done; the rest of the attributes stay.
    const run: Run = (inputs, changed) =>
      original({
        ...args,
        inputs,
        attrs: {...args.attrs, ...changed, pad: 'valid', dimRoundingMode: undefined} as unknown as tf.NamedAttrMap,
      }) as Images;
    return tf.tidy(() => withPadding(args.inputs as Record<string, Images>, attrs, run));
  };
}

/** Padding before and after each axis. */
function paddingsOf({pad, dataFormat}: Attributes): [number, number][] {
  if (Array.isArray(pad)) return pad;
  const [none, all]: [number, number][] = [
    [0, 0],
    [pad as number, pad as number],
  ];
  return dataFormat === 'NCHW' ? [none!, none!, all!, all!] : [none!, all!, all!, none!];
}

function pad(images: Images, attributes: Attributes, value = 0): Images {
  return tf.pad(images, paddingsOf(attributes), value);
}

function unpad(images: Images, shape: number[], paddings: [number, number][]): tf.Tensor {
  return tf.slice(
    images,
    paddings.map(([before]) => before),
    shape,
  );
}

/** The part of each window that lies on the image, from 0 to 1. */
function coverage(images: Images, attributes: Attributes): tf.Tensor {
  const {filterSize, strides} = attributes;
  return tf.avgPool(pad(tf.onesLike(images), attributes), filterSize, strides, 'valid');
}
