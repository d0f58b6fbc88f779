import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../support/backends.js';
import {valueAndGradientsOn} from '../support/value-and-gradients.js';
import {expectClose, valuesOf} from '../support/values.js';

type Images = tf.Tensor4D;
type Pair = [number, number];

/** Whatever TensorFlow's own code does without oneDNN: TF_ENABLE_ONEDNN_OPTS=0 tests that on any processor. */
describeOnTensorFlow('any convolution, with its gradients, is as on cpu', () => {
  const pair = fc.tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 3}));
  const shape = fc.record({
    batch: fc.integer({min: 1, max: 2}),
    // No smaller than the largest window.
    size: fc.tuple(fc.integer({min: 7, max: 10}), fc.integer({min: 7, max: 10})),
    channels: fc.integer({min: 1, max: 3}),
    outputs: fc.integer({min: 1, max: 3}),
    window: pair,
    pad: fc.constantFrom<'same' | 'valid' | 1>('same', 'valid', 1),
  });

  async function expectAsOnCpu(f: (...inputs: tf.Tensor[]) => tf.Tensor, shapes: number[][]): Promise<void> {
    // Not the sum in between, in which much cancels out.
    const [ours, , ...ourGradients] = await valueAndGradientsOn(tensorFlow!, f, shapes);
    const [expected, , ...gradients] = await valueAndGradientsOn('cpu', f, shapes);
    expectClose(ours!, expected!);
    gradients.forEach((values, i) => expectClose(ourGradients[i]!, values));
  }

  test.each(['NHWC', 'NCHW'] as const)('with the layout %s, in steps', async layout => {
    const steps = fc.oneof(fc.constant<Pair>([1, 1]), pair);
    const check = fc.asyncProperty(shape, steps, async ({batch, size, channels, outputs, window, pad}, strides) => {
      const images = layout === 'NHWC' ? [batch, ...size, channels] : [batch, channels, ...size];
      await expectAsOnCpu(
        (x, filter) => tf.conv2d(x as Images, filter as Images, strides, pad, layout),
        [images, [...window, channels, outputs]],
      );
    });
    await fc.assert(check, {numRuns: 25, seed: 1});
  });

  const depthwise = (dilations: Pair, pad: 'same' | 'valid' | 1) => (x: tf.Tensor, filter: tf.Tensor) =>
    tf.depthwiseConv2d(x as Images, filter as Images, 1, pad, 'NHWC', dilations);

  test('depthwise and dilated', async () => {
    const check = fc.asyncProperty(shape, pair, async ({batch, size, channels, outputs, window, pad}, dilations) => {
      await expectAsOnCpu(depthwise(dilations, pad), [
        [batch, ...size, channels],
        [...window, channels, outputs],
      ]);
    });
    await fc.assert(check, {numRuns: 25, seed: 1});
  });

  // Without a tape TensorFlow.js fuses activations too.
  const kinds = ['channels last', 'channels first', 'depthwise and dilated'] as const;
  const activations = ['linear', 'relu', 'prelu', 'leakyrelu'] as const;

  /** The fused convolution's values on a backend, for a bias and slopes of these shapes. */
  async function fusedOn(
    backend: string,
    kind: (typeof kinds)[number],
    activation: (typeof activations)[number],
    shapes: number[][],
  ): Promise<number[]> {
    await activateBackend(backend);
    const before = tf.memory().numTensors;
    const result = tf.tidy(() => {
      const images = kind === 'channels first' ? [2, 2, 6, 5] : [2, 6, 5, 2];
      const [x, filter, bias, slopes] = [images, [3, 3, 2, 4], ...shapes].map((shape, i) =>
        tf.randomUniform(shape, -1, 1, 'float32', i + 1),
      );
      const all = {
        ...{x: x as Images, filter: filter as Images, bias: bias!, strides: 1, pad: 'same' as const, activation},
        ...(activation === 'prelu' && {preluActivationWeights: slopes!}),
        ...(activation === 'leakyrelu' && {leakyreluAlpha: 0.3}),
      };
      if (kind === 'depthwise and dilated') return tf.fused.depthwiseConv2d({...all, dilations: 2});
      return tf.fused.conv2d({...all, dataFormat: kind === 'channels first' ? 'NCHW' : 'NHWC'});
    });
    expect(tf.memory().numTensors).toBe(before + 1);
    const values = await valuesOf(result);
    result.dispose();
    return values;
  }

  describe.each(kinds)('fused, %s', kind => {
    test.each(activations)('with %s', async activation => {
      const channels = kind === 'depthwise and dilated' ? 8 : 4;
      for (const shape of [[], [1], [channels]]) {
        const shapes = [shape, shape.length === 0 ? [1] : shape];
        const ours = await fusedOn(tensorFlow!, kind, activation, shapes);
        expectClose(ours, await fusedOn('cpu', kind, activation, shapes));
      }
    });
  });
});
