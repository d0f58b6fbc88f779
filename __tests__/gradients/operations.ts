import type {Tensor, Tensor3D, Tensor4D, Tensor5D} from '@tensorflow/tfjs';
import type {TensorFlow} from '../support/float64.js';

/** An input to differentiate by: its shape and the range that its values, all different, are spread over. */
export interface Input {
  shape: number[];
  from?: number;
  to?: number;
}

/** One use of an operation, written in the functions of whichever TensorFlow.js is given. */
export interface Case {
  inputs: Input[];
  run: (tf: TensorFlow, ...inputs: Tensor[]) => Tensor;
  /** Its gradient is zero, or leads nowhere. */
  step?: true;
  /** It is refused, with these words. */
  refused?: RegExp;
  /** Backends without the kernels for it. */
  lackedBy?: string[];
}

const input = (shape: number[], from = -1.7, to = 1.6): Input => ({shape, from, to});
type Run = Case['run'];
type Binary = (a: Tensor, b: Tensor) => Tensor;

/** Of one value at a time, between two bounds. */
const unary = (run: Run, from?: number, to?: number): Case[] => [{inputs: [input([2, 3], from, to)], run}];
/** Of two, with a broadcast either way. */
const binary = (pick: (tf: TensorFlow) => Binary, from?: number, to?: number): Case[] =>
  [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [[], [3]],
  ].map(shapes => ({
    inputs: shapes.map((shape, i) => input(shape, from, to && to + i * 0.1)),
    run: (tf, a, b) => pick(tf)(a, b),
  }));
const steps = (cases: Case[]): Case[] => cases.map(one => ({...one, step: true}));
const truth = (tf: TensorFlow, x: Tensor) => tf.greater(x, 0.1);
const image = (height: number, width: number, channels: number, batch = 2) => input([batch, height, width, channels]);
const volume = input([1, 3, 4, 3, 2]);

type Padding = 'same' | 'valid' | number;
type Pair = [number, number];
// With a number for padding TensorFlow.js takes the height of a window for its width too: squares only.
const pools: [Pair, Pair, Padding][] = [
  [[2, 2], [2, 2], 'valid'],
  [[3, 2], [1, 2], 'same'],
  [[3, 3], [2, 2], 1],
];
const pool = (name: 'avgPool' | 'maxPool'): Case[] =>
  pools.map(([size, strides, pad]) => ({
    inputs: [image(5, 6, 2)],
    run: (tf, x) => tf[name](x as Tensor4D, size, strides, pad),
  }));
const pool3D = (name: 'avgPool3d' | 'maxPool3d'): Case[] =>
  (
    [
      [2, 1, 'same'],
      [2, 2, 'valid'],
    ] as const
  ).map(([size, strides, pad]) => ({
    inputs: [volume],
    run: (tf, x) => tf[name](x as Tensor5D, size, strides, pad),
  }));

const resize = (name: 'resizeBilinear' | 'resizeNearestNeighbor'): Case[] =>
  (
    [
      [7, 4, false, false],
      [7, 4, false, true],
      [3, 9, true, false],
    ] as const
  ).map(([height, width, align, half]) => ({
    inputs: [image(4, 5, 2)],
    run: (tf, x) => tf.image[name](x as Tensor4D, [height, width], align, half),
  }));

const convolutions: {strides: number; pad: Padding; dilations?: number}[] = [
  {strides: 1, pad: 'same'},
  {strides: 2, pad: 'valid'},
  {strides: 2, pad: 1},
  {strides: 1, pad: 'same', dilations: 2},
];

/** Every operation that TensorFlow.js has a gradient of, by the kernel that the gradient is registered for. */
export const KERNELS: Record<string, Case[]> = {
  Abs: unary((tf, x) => tf.abs(x)),
  Acos: unary((tf, x) => tf.acos(x), -0.8, 0.9),
  Acosh: unary((tf, x) => tf.acosh(x), 1.2, 3),
  Add: binary(tf => tf.add),
  AddN: [{inputs: [input([2]), input([2])], run: (tf, ...xs) => tf.addN(xs)}],
  ArgMax: steps(unary((tf, x) => tf.argMax(x, 1))),
  ArgMin: steps(unary((tf, x) => tf.argMin(x, 1))),
  Asin: unary((tf, x) => tf.asin(x), -0.8, 0.9),
  Asinh: unary((tf, x) => tf.asinh(x)),
  Atan: unary((tf, x) => tf.atan(x)),
  Atan2: binary(tf => tf.atan2),
  Atanh: unary((tf, x) => tf.atanh(x), -0.8, 0.7),
  AvgPool: pool('avgPool'),
  AvgPool3D: pool3D('avgPool3d'),
  BatchMatMul: [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ].map(([a, b]) => ({
    inputs: [input(a ? [2, 4, 3] : [2, 3, 4]), input(b ? [2, 5, 4] : [2, 4, 5])],
    run: (tf, x, y) => tf.matMul(x, y, a, b),
  })),
  BatchToSpaceND: [
    {
      inputs: [input([4, 2, 2, 1])],
      run: (tf, x) =>
        tf.batchToSpaceND(
          x,
          [2, 2],
          [
            [0, 1],
            [1, 0],
          ],
        ),
    },
  ],
  BroadcastTo: [{inputs: [input([3, 1])], run: (tf, x) => tf.broadcastTo(x, [2, 3, 4])}],
  Cast: [
    ...unary((tf, x) => tf.cast(tf.cast(x, 'float32'), 'float32')),
    ...steps(unary((tf, x) => tf.cast(tf.cast(x, 'int32'), 'float32'), 1.2, 9)),
    ...steps(unary((tf, x) => tf.where(tf.cast(x, 'bool'), 1, 0), 1.2, 9)),
  ],
  Ceil: steps(unary((tf, x) => tf.ceil(x))),
  ClipByValue: unary((tf, x) => tf.clipByValue(x, -0.5, 0.9)),
  ComplexAbs: [
    {
      inputs: [input([2])],
      run: (tf, x) => tf.abs(tf.complex(x, x)),
      refused: /abs of complex numbers/,
      lackedBy: ['wasm'],
    },
  ],
  Concat: [{inputs: [input([2, 1]), input([2, 3])], run: (tf, a, b) => tf.concat([a, b], 1)}],
  Conv2D: convolutions.map(({strides, pad, dilations}) => ({
    inputs: [image(5, 6, 2), input([3, 3, 2, 3])],
    run: (tf, x, filter) => tf.conv2d(x as Tensor4D, filter as Tensor4D, strides, pad, 'NHWC', dilations),
  })),
  Conv2DBackpropFilter: [
    {
      inputs: [image(4, 5, 2), image(2, 3, 3)],
      run: (tf, x, dy) =>
        tf
          .engine()
          .runKernel(
            'Conv2DBackpropFilter',
            {x: x, dy: dy},
            {strides: 2, pad: 'same', dataFormat: 'NHWC', filterShape: [2, 2, 2, 3]},
          ),
    },
  ],
  Conv2DBackpropInput: [
    {
      inputs: [image(3, 2, 2), input([3, 2, 4, 2])],
      run: (tf, x, filter) => tf.conv2dTranspose(x as Tensor4D, filter as Tensor4D, [2, 6, 4, 4], 2, 'same'),
    },
  ],
  Conv3D: (['same', 'valid'] as const).map((pad, i) => ({
    inputs: [volume, input([2, 2, 2, 2, 2])],
    run: (tf, x, filter) => tf.conv3d(x as Tensor5D, filter as Tensor5D, i + 1, pad),
  })),
  Conv3DBackpropInputV2: [
    {
      inputs: [input([1, 2, 1, 2, 2]), input([2, 2, 2, 3, 2])],
      run: (tf, x, filter) => tf.conv3dTranspose(x as Tensor5D, filter as Tensor5D, [1, 4, 2, 4, 3], 2, 'same'),
    },
  ],
  Cos: unary((tf, x) => tf.cos(x)),
  Cosh: unary((tf, x) => tf.cosh(x)),
  Cumsum: [0, 1].flatMap(axis =>
    [false, true].map(reverse => ({
      inputs: [input([3, 3])],
      run: (tf: TensorFlow, x: Tensor) => tf.cumsum(x, axis, !reverse, reverse),
    })),
  ),
  DepthToSpace: [{inputs: [image(2, 3, 4)], run: (tf, x) => tf.depthToSpace(x as Tensor4D, 2, 'NHWC')}],
  DepthwiseConv2dNative: [
    ...convolutions.map(({strides, pad, dilations}): Case => ({
      inputs: [image(5, 6, 2), input([3, 3, 2, 2])],
      run: (tf, x, filter) => tf.depthwiseConv2d(x as Tensor4D, filter as Tensor4D, strides, pad, 'NHWC', dilations),
    })),
    {
      inputs: [image(4, 4, 2), input([2, 2, 2, 1]), input([1, 1, 2, 3])],
      run: (tf, x, depthwise, pointwise) =>
        tf.separableConv2d(x as Tensor4D, depthwise as Tensor4D, pointwise as Tensor4D, 1, 'same'),
    },
  ],
  DepthwiseConv2dNativeBackpropFilter: [
    {
      inputs: [image(4, 5, 2), image(2, 3, 4)],
      run: (tf, x, dy) =>
        tf
          .engine()
          .runKernel(
            'DepthwiseConv2dNativeBackpropFilter',
            {x: x, dy: dy},
            {strides: [2, 2], pad: 'same', dilations: [1, 1], filterShape: [2, 2, 2, 2]},
          ),
    },
  ],
  Dilation2D: [
    {
      inputs: [image(4, 4, 2), input([2, 2, 2])],
      run: (tf, x, filter) => tf.dilation2d(x as Tensor4D, filter as Tensor3D, 1, 'same'),
      refused: /second derivative of dilation2d/,
    },
  ],
  Einsum: (
    [
      ['ij->ji', [2, 3]],
      ['ijk->j', [2, 3, 2]],
      ['ij->', [2, 3]],
      ['ij,jk->ki', [2, 3], [3, 2]],
      ['bij,bkj->bik', [2, 2, 3], [2, 2, 3]],
      ['ij,ij->', [2, 3], [2, 3]],
      ['ij,k->kij', [2, 3], [2]],
    ] as [string, ...number[][]][]
  ).map(([equation, ...shapes]) => ({
    inputs: shapes.map(shape => input(shape)),
    run: (tf: TensorFlow, ...operands: Tensor[]) => tf.einsum(equation, ...operands),
  })),
  Elu: unary((tf, x) => tf.elu(x)),
  Equal: steps(binary(tf => tf.equal)),
  Erf: unary((tf, x) => tf.erf(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  ExpandDims: unary((tf, x) => tf.expandDims(x, 1)),
  Expm1: unary((tf, x) => tf.expm1(x)),
  Floor: steps(unary((tf, x) => tf.floor(x))),
  FloorDiv: steps(binary(tf => tf.floorDiv, 0.3, 4)),
  FusedBatchNorm: [
    {
      inputs: [image(2, 3, 2), input([2]), input([2], 0.5, 2), input([2]), input([2])],
      run: (tf, x, mean, variance, offset, scale) => tf.batchNorm(x, mean, variance, offset, scale, 1e-3),
    },
    {
      inputs: [image(2, 3, 2), input([2])],
      run: (tf, x, scale) => {
        const {mean, variance} = tf.moments(x, [0, 1, 2]);
        return tf.batchNorm(x, mean, variance, undefined, scale, 1e-3);
      },
    },
  ],
  GatherV2: [
    {inputs: [input([3, 2, 2])], run: (tf, x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32'), 0)},
    {inputs: [input([3, 2, 2])], run: (tf, x) => tf.gather(x, tf.tensor2d([[1, 0]], [1, 2], 'int32'), 1)},
  ],
  Greater: steps(binary(tf => tf.greater)),
  GreaterEqual: steps(binary(tf => tf.greaterEqual)),
  Identity: unary((tf, x) => tf.clone(x)),
  IsFinite: steps(unary((tf, x) => tf.isFinite(x))),
  IsInf: steps(unary((tf, x) => tf.isInf(x))),
  IsNan: steps(unary((tf, x) => tf.isNaN(x))),
  LRN: [
    {
      inputs: [image(1, 2, 5)],
      run: (tf, x) => tf.localResponseNormalization(x as Tensor4D, 1, 1.1, 0.7, 0.6),
    },
  ],
  LeakyRelu: [...unary((tf, x) => tf.leakyRelu(x, 0.2)), ...unary((tf, x) => tf.leakyRelu(x, -0.2))],
  Less: steps(binary(tf => tf.less)),
  LessEqual: steps(binary(tf => tf.lessEqual)),
  Log: unary((tf, x) => tf.log(x), 0.3, 2),
  Log1p: unary((tf, x) => tf.log1p(x), -0.5, 2),
  LogSoftmax: unary((tf, x) => tf.logSoftmax(x)),
  LogicalAnd: steps(binary(tf => (a, b) => tf.logicalAnd(truth(tf, a), truth(tf, b)))),
  LogicalNot: steps(unary((tf, x) => tf.logicalNot(truth(tf, x)))),
  LogicalOr: steps(binary(tf => (a, b) => tf.logicalOr(truth(tf, a), truth(tf, b)))),
  Max: [...unary((tf, x) => tf.max(x, 1)), ...unary((tf, x) => tf.max(x, 0, true)), ...unary((tf, x) => tf.max(x))],
  MaxPool: pool('maxPool'),
  MaxPool3D: pool3D('maxPool3d'),
  Maximum: binary(tf => tf.maximum),
  Mean: [...unary((tf, x) => tf.mean(x, 0)), ...unary((tf, x) => tf.mean(x))],
  Min: [...unary((tf, x) => tf.min(x, 1)), ...unary((tf, x) => tf.min(x))],
  Minimum: binary(tf => tf.minimum),
  MirrorPad: (['reflect', 'symmetric'] as const).map(mode => ({
    inputs: [input([3, 4])],
    run: (tf, x) =>
      tf.mirrorPad(
        x,
        [
          [1, 2],
          [0, 2],
        ],
        mode,
      ),
  })),
  Mod: binary(tf => tf.mod, 0.4, 2.2),
  Multiply: binary(tf => tf.mul),
  Neg: unary((tf, x) => tf.neg(x)),
  NotEqual: steps(binary(tf => tf.notEqual)),
  OneHot: steps(unary((tf, x) => tf.oneHot(tf.cast(tf.reshape(x, [6]), 'int32'), 4), 0.5, 3.9)),
  OnesLike: steps(unary((tf, x) => tf.onesLike(x))),
  Pack: [{inputs: [input([3]), input([3])], run: (tf, a, b) => tf.stack([a, b], 1)}],
  PadV2: unary((tf, x) =>
    tf.pad(x, [
      [1, 0],
      [0, 2],
    ]),
  ),
  Pow: [
    ...binary(tf => tf.pow, 0.4, 2.2),
    ...unary((tf, x) => tf.pow(x, 3)),
    // Where a base is zero.
    {inputs: [input([2, 3]), input([3], 3.2, 4)], run: (tf, a, b) => tf.pow(tf.relu(a), b)},
  ],
  Prelu: [
    {inputs: [input([2, 3]), input([2, 3])], run: (tf, x, alpha) => tf.prelu(x, alpha)},
    {inputs: [input([2, 3]), input([3])], run: (tf, x, alpha) => tf.prelu(x, alpha)},
  ],
  Prod: [
    ...unary((tf, x) => tf.prod(x, 0)),
    ...unary((tf, x) => tf.prod(x, 1, true)),
    ...unary((tf, x) => tf.prod(x)),
    // Where one factor is zero, and where two are.
    {inputs: [input([3])], run: (tf, x) => tf.prod(tf.mul(x, [0, 1, 1]))},
    {inputs: [input([3])], run: (tf, x) => tf.prod(tf.mul(x, [0, 1, 0]))},
    {inputs: [input([2, 2, 3])], run: (tf, x) => tf.prod(x, [0, 2])},
  ],
  RealDiv: binary(tf => tf.div, 0.4, 2.2),
  Reciprocal: unary((tf, x) => tf.reciprocal(x), 0.4, 2),
  Relu: unary((tf, x) => tf.relu(x)),
  Relu6: unary((tf, x) => tf.relu6(x), -3, 9),
  Reshape: unary((tf, x) => tf.reshape(x, [3, 2])),
  ResizeBilinear: resize('resizeBilinear'),
  ResizeNearestNeighbor: resize('resizeNearestNeighbor'),
  Reverse: unary((tf, x) => tf.reverse(x, [1])),
  Round: steps(unary((tf, x) => tf.round(x))),
  Rsqrt: unary((tf, x) => tf.rsqrt(x), 0.4, 2),
  Select: [
    {
      inputs: [input([2, 3]), input([2, 3]), input([2, 3])],
      run: (tf, x, a, b) => tf.where(truth(tf, x), tf.mul(a, x), b),
    },
    {inputs: [input([2, 3]), input([3])], run: (tf, a, b) => tf.where(truth(tf, a), a, b)},
  ],
  Selu: unary((tf, x) => tf.selu(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Sign: steps(unary((tf, x) => tf.sign(x))),
  Sin: unary((tf, x) => tf.sin(x)),
  Sinh: unary((tf, x) => tf.sinh(x)),
  Slice: unary((tf, x) => tf.slice(x, [0, 1], [2, 2])),
  Softmax: unary((tf, x) => tf.softmax(x)),
  Softplus: unary((tf, x) => tf.softplus(x)),
  SpaceToBatchND: [
    {
      inputs: [input([1, 3, 2, 1])],
      run: (tf, x) =>
        tf.spaceToBatchND(
          x,
          [2, 2],
          [
            [0, 1],
            [1, 1],
          ],
        ),
    },
  ],
  SplitV: unary((tf, x) => {
    const [a, b] = tf.split(x, [1, 2], 1);
    return tf.mul(a!, b!);
  }),
  Sqrt: unary((tf, x) => tf.sqrt(x), 0.4, 2),
  Square: unary((tf, x) => tf.square(x)),
  SquaredDifference: binary(tf => tf.squaredDifference),
  Step: steps(unary((tf, x) => tf.step(x, 0.3))),
  Sub: binary(tf => tf.sub),
  Sum: [...unary((tf, x) => tf.sum(x, 1)), ...unary((tf, x) => tf.sum(x, 0, true))],
  Tan: unary((tf, x) => tf.tan(x), -0.9, 1),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Tile: unary((tf, x) => tf.tile(x, [2, 3])),
  Transpose: [{inputs: [input([2, 3, 2])], run: (tf, x) => tf.transpose(x, [2, 0, 1])}],
  Unpack: unary((tf, x) => {
    const [a, b] = tf.unstack(x);
    return tf.mul(a!, b!);
  }),
  UnsortedSegmentSum: [
    {inputs: [input([3, 2])], run: (tf, x) => tf.unsortedSegmentSum(x, tf.tensor1d([1, 0, 1], 'int32'), 2)},
  ],
  ZerosLike: steps(unary((tf, x) => tf.zerosLike(x))),
};

/** The kernels that only gradients run, by the operation that is differentiated. */
export const OF_GRADIENTS: Record<string, string> = {
  AvgPool3DGrad: 'AvgPool3D',
  AvgPoolGrad: 'AvgPool',
  Conv3DBackpropFilterV2: 'Conv3D',
  DepthwiseConv2dNativeBackpropInput: 'DepthwiseConv2dNative',
  Dilation2DBackpropFilter: 'Dilation2D',
  Dilation2DBackpropInput: 'Dilation2D',
  EluGrad: 'Elu',
  LeakyReluGrad: 'LeakyRelu',
  MaxPool3DGrad: 'MaxPool3D',
  MaxPoolGrad: 'MaxPool',
  ResizeBilinearGrad: 'ResizeBilinear',
  ResizeNearestNeighborGrad: 'ResizeNearestNeighbor',
};

/** The operations whose gradient is in no registry, by the file in tfjs-core that calls `customGrad`. */
export const CUSTOM: Record<string, Case[]> = {
  log_sigmoid: unary((tf, x) => tf.logSigmoid(x)),
  log_softmax: unary((tf, x) => tf.logSoftmax(x)),
  'fused/conv2d': [
    {
      inputs: [image(4, 4, 2), input([2, 2, 2, 3]), input([3])],
      run: (tf, x, filter, bias) =>
        tf.fused.conv2d({
          x: x as Tensor4D,
          filter: filter as Tensor4D,
          strides: 1,
          pad: 'same',
          bias: bias,
          activation: 'elu',
        }),
    },
  ],
  'fused/depthwise_conv2d': [
    {
      inputs: [image(4, 4, 2), input([2, 2, 2, 1]), input([2])],
      run: (tf, x, filter, bias) =>
        tf.fused.depthwiseConv2d({
          x: x as Tensor4D,
          filter: filter as Tensor4D,
          strides: 1,
          pad: 'same',
          bias: bias,
          activation: 'relu6',
        }),
    },
  ],
  'fused/mat_mul': [
    {
      inputs: [input([2, 3]), input([3, 4]), input([4])],
      run: (tf, a, b, bias) => tf.fused.matMul({a: a, b: b, bias: bias, activation: 'sigmoid'}),
    },
  ],
  'losses/softmax_cross_entropy': [
    {
      inputs: [input([2, 3], 0.2, 1), input([2, 3])],
      run: (tf, labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits),
    },
  ],
};
