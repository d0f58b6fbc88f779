import * as tf from '@tensorflow/tfjs';
import type {Attribute, NativeBackend} from '../../../src/node/capture/binding.js';
import {ATTRIBUTE} from '../../../src/node/capture/binding.js';
import {recordStep} from '../../../src/node/capture/record-step.js';
import {deviceOf} from '../../../src/node/capture/rewrites/device.js';
import type {Device} from '../../../src/node/capture/rewrites/index.js';
import {lighter} from '../../../src/node/capture/rewrites/index.js';
import {doubledTaps, inTwoDimensions, pairedTaps, reversedTaps} from '../../../src/node/capture/rewrites/taps.js';
import {stepGraph} from '../../../src/node/capture/step-graph.js';
import {StepSession} from '../../../src/node/capture/step-session.js';
import {runOp} from '../../../src/tensorflow/native.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';

describe('windows', () => {
  const window = [2, -3, 5, 7, 11];
  const mixed = (matrix: number[][]) => matrix.map(row => row.reduce((sum, factor, t) => sum + factor * window[t]!, 0));
  const at = (x: number[], i: number) => x[i] ?? 0;
  const image = [1, 4, -2, 3, 8, 5];
  /** The window's middle over each pixel. */
  const convolved = (x: number[]) => x.map((_, p) => window.reduce((sum, w, t) => sum + w * at(x, p + t - 2), 0));

  test('on doubled pixels', () => {
    const taps = mixed(doubledTaps(5));
    const doubled = image.flatMap(pixel => [pixel, pixel]);
    const actual = doubled.map((_, p) => image.reduce((sum, pixel, i) => sum + at(taps, p - 2 * i + 2) * pixel, 0));
    expect(actual).toEqual(convolved(doubled));
  });

  test('by pairs of pixels', () => {
    const [even, odd] = pairedTaps(5).map(mixed) as [number[], number[]];
    const apply = (taps: number[], i: number) => taps.reduce((sum, w, u) => sum + w * at(image, 2 * i + u - 2), 0);
    expect([0, 1, 2].flatMap(i => [apply(even, i), apply(odd, i)])).toEqual(convolved(image));
  });

  test('back to front and in two dimensions', () => {
    expect(reversedTaps([[1, 2, 3]])).toEqual([[3, 2, 1]]);
    expect(inTwoDimensions([[1, 2]], [[3], [4]])).toEqual([
      [3, 6],
      [4, 8],
    ]);
  });
});

describeOnTensorFlow('a lighter recording', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  /** For rules that no step on a GPU is rewritten by. */
  const describeOnProcessor = tensorFlow === 'cuda' ? describe.skip : describe;

  const PROCESSOR: Device = {isGpu: false, hasAvx512: true, hasWinograd: false, threads: 1};

  type Step = (...inputs: tf.Tensor[]) => tf.Tensor[];

  /** The step's results as they come and by the graph of the lighter recording, and the names of the ops that run there. */
  function compare(step: Step, shapes: number[][], device = PROCESSOR) {
    const backend = tf.backend() as unknown as NativeBackend;
    const inputs = shapes.map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', i + 1));
    const recorded = recordStep(backend, inputs, copies => step(...copies), undefined, []);
    if (recorded.refusal !== undefined) throw new Error(recorded.refusal);
    const recording = lighter(recorded.recording, device);
    const {bytes, feeds, outputs} = stepGraph(recording);
    const session = new StepSession(backend.binding, bytes);
    const results = session.run(backend.getInputTensorIds(inputs), feeds, outputs);
    const actual = results.map(result => backend.createOutputTensor(result));
    session.close();
    const ops = new Set<string>();
    const visit = (sources: typeof recording.outputs) => {
      for (const source of sources) {
        if (source.from !== 'op') continue;
        const op = recording.ops[source.index]!;
        if (op.kind !== 'op') continue;
        ops.add(op.name);
        visit(op.inputs);
      }
    };
    visit(recording.outputs);
    const values = (tensors: tf.Tensor[]) => tensors.map(tensor => [...tensor.dataSync()]);
    const found = {actual: values(actual), expected: values(recorded.result), ops};
    tf.dispose([inputs, actual, recorded.result]);
    return found;
  }

  function expectSame({actual, expected}: {actual: number[][]; expected: number[][]}) {
    expect(actual.map(values => values.length)).toEqual(expected.map(values => values.length));
    actual.forEach((values, i) => {
      const largest = (some: number[]) => some.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const scale = largest(expected[i]!);
      expect(scale).toBeGreaterThan(0);
      expect(largest(values.map((value, k) => value - expected[i]![k]!)) / scale).toBeLessThan(3e-6);
    });
  }

  /** A convolution, of doubled images if `double`, and all its gradients. */
  function convolution(
    double: boolean,
    stride = 1,
    padding: 'same' | 'valid' = 'same',
    halfPixelCenters = false,
  ): Step {
    return (images, filter, weights) => {
      const apply = (x: tf.Tensor, w: tf.Tensor) => {
        const [, height, width] = x.shape as [number, number, number];
        const large = double
          ? tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * height, 2 * width], false, halfPixelCenters)
          : (x as tf.Tensor4D);
        return tf.conv2d(large, w as tf.Tensor4D, stride, padding);
      };
      const {value, grads} = tf.valueAndGrads((x, w) => tf.mul(apply(x, w), weights))([images, filter]);
      return [value, ...grads];
    };
  }

  describeOnProcessor('of a convolution of doubled images', () => {
    test.each([
      ['as in ESRGAN', [2, 16, 16, 8], [3, 3]],
      ['of an odd size', [3, 9, 13, 4], [3, 3]],
      ['of one image with one channel', [1, 16, 16, 1], [3, 3]],
      ['with a window of 5x3', [1, 16, 17, 4], [5, 3]],
      ['with a window of 7x7', [1, 20, 16, 2], [7, 7]],
    ])('%s', (_, images, window) => {
      const [batch, height, width, channels] = images as [number, number, number, number];
      const filter = [...window, channels, 5];
      const found = compare(convolution(true), [images, filter, [batch, 2 * height, 2 * width, 5]]);
      expectSame(found);
      expect(found.ops).not.toContain('ResizeNearestNeighbor');
      expect(found.ops).not.toContain('ResizeNearestNeighborGrad');
    });

    test('by half-pixel centres, which are the same pixels', () => {
      const found = compare(convolution(true, 1, 'same', true), [
        [2, 16, 16, 4],
        [3, 3, 4, 5],
        [2, 32, 32, 5],
      ]);
      expectSame(found);
      expect(found.ops).not.toContain('ResizeNearestNeighbor');
    });

    test.each<[string, Step, number[][]]>([
      [
        'not padded',
        convolution(true, 1, 'valid'),
        [
          [1, 16, 16, 4],
          [3, 3, 4, 5],
          [1, 30, 30, 5],
        ],
      ],
      [
        'in steps of 2',
        convolution(true, 2),
        [
          [1, 16, 16, 4],
          [3, 3, 4, 5],
          [1, 16, 16, 5],
        ],
      ],
      [
        'with a window without a middle',
        convolution(true),
        [
          [1, 16, 16, 4],
          [4, 4, 4, 5],
          [1, 32, 32, 5],
        ],
      ],
      [
        'of single pixels',
        convolution(true),
        [
          [1, 16, 16, 4],
          [1, 1, 4, 5],
          [1, 32, 32, 5],
        ],
      ],
      [
        'too small to pay',
        convolution(true),
        [
          [1, 4, 4, 4],
          [3, 3, 4, 5],
          [1, 8, 8, 5],
        ],
      ],
    ])('%s stays', (_, step, shapes) => {
      const found = compare(step, shapes);
      expectSame(found);
      expect(found.ops).toContain('ResizeNearestNeighbor');
      expect(found.ops).toContain('ResizeNearestNeighborGrad');
    });

    test('of images that are also used otherwise keeps those', () => {
      const step: Step = (images, filter) => {
        const f = (x: tf.Tensor, w: tf.Tensor) => {
          const large = tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [32, 32]);
          return tf.add(tf.conv2d(large, w as tf.Tensor4D, 1, 'same'), tf.square(large));
        };
        const {value, grads} = tf.valueAndGrads((x, w) => f(x, w))([images, filter]);
        return [value, ...grads];
      };
      const found = compare(step, [
        [1, 16, 16, 4],
        [3, 3, 4, 4],
      ]);
      expectSame(found);
      expect(found.ops).toContain('ResizeNearestNeighbor');
    });

    test('stays on a GPU', () => {
      const shapes = [
        [2, 16, 16, 8],
        [3, 3, 8, 5],
        [2, 32, 32, 5],
      ];
      expect(compare(convolution(true), shapes, {...PROCESSOR, isGpu: true}).ops).toContain('ResizeNearestNeighbor');
    });
  });

  describeOnProcessor('of a convolution to or from few channels', () => {
    test.each([
      ['as the last of ESRGAN', [2, 16, 16, 32], [3, 3, 32, 3]],
      ['with a window of 9x9, as the last of SRGAN', [1, 20, 24, 16], [9, 9, 16, 3]],
      ['with a window of 3x5', [1, 8, 6, 16], [3, 5, 16, 1]],
      ['as the first of a critic', [2, 16, 16, 3], [3, 3, 3, 32]],
    ])('%s', (_, images, filter) => {
      const weights = [...images.slice(0, 3), filter[3]!];
      const found = compare(convolution(false), [images, filter, weights]);
      expectSame(found);
      expect(found.ops).toContain('DepthToSpace');
    });

    test.each<[string, number[], number[]]>([
      ['of an odd size', [1, 15, 16, 32], [3, 3, 32, 3]],
      ['with many channels', [1, 16, 16, 32], [3, 3, 32, 5]],
      ['between few channels', [1, 16, 16, 8], [3, 3, 8, 3]],
    ])('%s stays', (_, images, filter) => {
      const found = compare(convolution(false), [images, filter, [...images.slice(0, 3), filter[3]!]]);
      expectSame(found);
      expect(found.ops).not.toContain('DepthToSpace');
    });

    test('stays without vectors of 512 bits', () => {
      const shapes = [
        [2, 16, 16, 32],
        [3, 3, 32, 3],
        [2, 16, 16, 3],
      ];
      expect(compare(convolution(false), shapes, {...PROCESSOR, hasAvx512: false}).ops).not.toContain('DepthToSpace');
    });
  });

  // On any processor with AVX2. With ONEDNN_MAX_CPU_ISA=AVX2, those with AVX-512 test the code for the others.
  describeOnProcessor("by Winograd's filtering", () => {
    const CONVOLUTION = 'TfjsRaganConv2D';
    const GRADIENT = 'TfjsRaganConv2DFilterGradient';
    const withWinograd = (threads = 1): Device => ({...PROCESSOR, hasWinograd: true, threads});

    test('is there', () => {
      expect(deviceOf(tf.backend() as unknown as NativeBackend)).toMatchObject({isGpu: false, hasWinograd: true});
    });

    test.each([
      ['as in ESRGAN', [2, 16, 16, 64], 32],
      ['to the fewest channels', [1, 16, 16, 16], 8],
      ['from the fewest channels', [1, 16, 16, 8], 24],
      ['of an odd size', [3, 11, 13, 32], 48],
      ['of one row', [1, 1, 300, 16], 16],
      ['of one column', [1, 257, 1, 16], 16],
      ['of many tiles', [2, 33, 48, 48], 64],
    ])('%s, on any number of threads', (_, images, outputs) => {
      const shapes = [images, [3, 3, images[3]!, outputs], [...images.slice(0, 3), outputs]];
      for (const threads of [1, 2, 7]) {
        const found = compare(convolution(false), shapes, withWinograd(threads));
        expectSame(found);
        expect(found.ops).toContain(CONVOLUTION);
        expect(found.ops).toContain(GRADIENT);
        for (const name of ['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'])
          expect(found.ops).not.toContain(name);
      }
    });

    /** A layer's convolution with a bias and what follows, and all gradients. */
    const layer =
      (activation: (x: tf.Tensor) => tf.Tensor): Step =>
      (images, filter, bias) => {
        const convolved = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
          tf.fused.conv2d({x: x as tf.Tensor4D, filter: w as tf.Tensor4D, strides: 1, pad: 'same', bias: b});
        const f = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) => tf.square(activation(convolved(x, w, b)));
        const {value, grads} = tf.valueAndGrads((x, w, b) => f(x, w, b))([images, filter, bias]);
        return [value, ...grads];
      };
    const layerShapes = [[2, 16, 16, 32], [3, 3, 32, 16], [16]];

    test('with a bias and a leaky ReLU in the same op', () => {
      const found = compare(
        layer(x => tf.leakyRelu(x, 0.3)),
        layerShapes,
        withWinograd(),
      );
      expectSame(found);
      expect(found.ops).toContain(CONVOLUTION);
      expect(found.ops).not.toContain('BiasAdd');
      expect(found.ops).not.toContain('LeakyRelu');
    });

    test('with a bias in the same op, and another activation after it', () => {
      const found = compare(layer(tf.relu), layerShapes, withWinograd());
      expectSame(found);
      expect(found.ops).toContain('Relu');
      expect(found.ops).not.toContain('BiasAdd');
    });

    test('with two biases, one in the same op', () => {
      const biased = (x: tf.Tensor, bias: tf.Tensor) =>
        runOp(tf.backend(), 'BiasAdd', [x, bias], {data_format: {string: 'NHWC'}});
      const step: Step = (images, filter, bias) => [
        biased(biased(tf.conv2d(images as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'), bias), bias),
      ];
      const found = compare(step, layerShapes, withWinograd());
      expectSame(found);
      expect(found.ops).toContain('BiasAdd');
    });

    test('keeps what is used before the activation', () => {
      const found = compare(
        layer(x => tf.add(x, tf.leakyRelu(x, 0.3))),
        layerShapes,
        withWinograd(),
      );
      expectSame(found);
      expect(found.ops).toContain('LeakyRelu');
    });

    test.each<[string, Step, number[], number[], number[]]>([
      ['with other numbers of channels', convolution(false), [1, 16, 16, 20], [3, 3, 20, 16], [1, 16, 16, 16]],
      ['with few channels', convolution(false), [1, 16, 16, 8], [3, 3, 8, 8], [1, 16, 16, 8]],
      ['with another window', convolution(false), [1, 16, 16, 16], [5, 5, 16, 16], [1, 16, 16, 16]],
      ['in steps of 2', convolution(false, 2), [1, 32, 32, 16], [3, 3, 16, 16], [1, 16, 16, 16]],
      ['not padded', convolution(false, 1, 'valid'), [1, 18, 18, 16], [3, 3, 16, 16], [1, 16, 16, 16]],
      ['of few pixels', convolution(false), [1, 8, 8, 16], [3, 3, 16, 16], [1, 8, 8, 16]],
    ])('%s stays', (_, step, ...shapes) => {
      const found = compare(step, shapes, withWinograd());
      expectSame(found);
      expect(found.ops).not.toContain(CONVOLUTION);
    });

    test('is as it was without the ops, and on a GPU', () => {
      const shapes = [
        [2, 16, 16, 32],
        [3, 3, 32, 16],
        [2, 16, 16, 16],
      ];
      for (const device of [PROCESSOR, {...withWinograd(), isGpu: true}]) {
        expect(compare(convolution(false), shapes, device).ops).not.toContain(CONVOLUTION);
      }
    });

    test('refuses shapes that do not fit', () => {
      const backend = tf.backend() as unknown as NativeBackend;
      const run = (name: string, attributes: Attribute[], ...shapes: number[][]) => {
        const tensors = shapes.map(shape => tf.zeros(shape));
        const ids = backend.getInputTensorIds(tensors);
        try {
          return backend.binding.executeOp(name, [{name: 'T', type: ATTRIBUTE.type, value: 1}, ...attributes], ids, 1);
        } finally {
          tf.dispose(tensors);
        }
      };
      const turned = {name: 'turned', type: ATTRIBUTE.bool, value: false};
      const threads = {name: 'threads', type: ATTRIBUTE.int, value: 1};
      const slope = {name: 'slope', type: ATTRIBUTE.float, value: 1};
      expect(() => run('TfjsRaganFilter', [turned], [3, 3, 16, 12])).toThrow('multiples of 8 channels');
      expect(() => run(CONVOLUTION, [threads, slope], [1, 4, 4, 16], [16, 32, 16], [16])).toThrow('do not fit');
      expect(() => run(GRADIENT, [threads], [1, 4, 4, 16], [1, 4, 5, 16])).toThrow('do not fit');
    });
  });

  test.each<[string, Step, number[][]]>([
    [
      'a convolution with channels first',
      (x, filter) => [tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, [2, 1], 'same', 'NCHW')],
      [
        [2, 16, 12, 9],
        [3, 3, 16, 24],
      ],
    ],
    [
      'a dilated depthwise convolution',
      (x, filter) => [tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', [2, 3])],
      [
        [2, 13, 9, 8],
        [3, 3, 8, 2],
      ],
    ],
  ])('of %s and its gradients, with what this device has', (_, f, shapes) => {
    const step: Step = (...inputs) => {
      const {value, grads} = tf.valueAndGrads((...xs: tf.Tensor[]) => f(...xs)[0]!.square())(inputs);
      return [value, ...grads];
    };
    expectSame(compare(step, shapes, deviceOf(tf.backend() as unknown as NativeBackend)));
  });

  describe('of a batch made of two', () => {
    /** A critic's first layer on both, and the gradients of its filter and of those inputs that are asked for. */
    const critic =
      (...wanted: number[]): Step =>
      (real, fake, filter, weights) => {
        const f = (x: tf.Tensor, y: tf.Tensor, w: tf.Tensor) =>
          tf.mul(tf.conv2d(tf.concat([x, y]) as tf.Tensor4D, w as tf.Tensor4D, 2, 'same'), weights);
        const grads = tf.grads((x, y, w) => f(x, y, w))([real, fake, filter]);
        return [grads[2]!, ...wanted.map(i => grads[i]!)];
      };
    const shapes = [
      [3, 8, 8, 4],
      [2, 8, 8, 4],
      [4, 4, 4, 6],
      [5, 4, 4, 6],
    ];

    test.each([0, 1])('passes no gradient on to the part that needs none (%d)', wanted => {
      const found = compare(critic(wanted), shapes);
      expectSame(found);
      expect(found.ops).toContain('Slice');
      expect(found.ops).not.toContain('SplitV');
      expect(compare(critic(wanted), shapes, {...PROCESSOR, isGpu: true}).ops).toContain('Slice');
    });

    test('passes gradients on to both parts if both need them', () => {
      const found = compare(critic(0, 1), shapes);
      expectSame(found);
      expect(found.ops).not.toContain('Slice');
    });
  });
});
