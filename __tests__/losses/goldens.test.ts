import * as tf from '@tensorflow/tfjs';
import type {Axis, Criterion, GanLoss} from 'tfjs-ragan';
import {RelativisticAverageLoss, RelativisticPairedLoss, StandardLoss} from 'tfjs-ragan';
import {readGoldens} from '../support/golden.js';
import {describeOnBackends} from '../support/backends.js';
import {expectClose, valuesOf} from '../support/values.js';

interface Side {
  mean: number;
  sum: number;
  none: number[];
  gradReal: number[];
  gradFake: number[];
}

interface LossCase {
  id: string;
  criterion: Criterion;
  reference: 'average' | 'paired' | 'none';
  axis: Axis;
  detachAverage: boolean;
  shape: number[];
  real: number[];
  fake: number[];
  discriminator: Side;
  generator: Side;
}

const cases = readGoldens<LossCase[]>('losses');

function lossOf(golden: LossCase, reduction: tf.Reduction): GanLoss {
  const {criterion, axis, detachAverage} = golden;
  if (golden.reference === 'paired') return new RelativisticPairedLoss({criterion, reduction});
  if (golden.reference === 'none') return new StandardLoss({criterion, reduction});
  return new RelativisticAverageLoss({criterion, reduction, axis, detachAverage});
}

describeOnBackends('every golden case', () => {
  describe.each(cases.map(golden => [golden.id, golden] as const))('%s', (_, golden) => {
    const real = () => tf.tensor(golden.real, golden.shape);
    const fake = () => tf.tensor(golden.fake, golden.shape);

    test.each(['discriminator', 'generator'] as const)('%s', async side => {
      const expected = golden[side];
      const value = (reduction: tf.Reduction) => valuesOf(lossOf(golden, reduction)[side](real(), fake()));
      expectClose(await value(tf.Reduction.MEAN), [expected.mean]);
      expectClose(await value(tf.Reduction.SUM), [expected.sum]);
      expectClose(await value(tf.Reduction.NONE), expected.none);

      const loss = lossOf(golden, tf.Reduction.MEAN);
      const [gradReal, gradFake] = tf.grads((r, f) => loss[side](r, f))([real(), fake()]);
      expectClose(await valuesOf(gradReal!), expected.gradReal);
      expectClose(await valuesOf(gradFake!), expected.gradFake);
    });

    test('withGradients', async () => {
      const {discriminator, generator} = golden;
      const result = lossOf(golden, tf.Reduction.MEAN).withGradients(real(), fake());
      expectClose(await valuesOf(result.discriminatorLoss), [discriminator.mean]);
      expectClose(await valuesOf(result.generatorLoss), [generator.mean]);
      expectClose(await valuesOf(result.discriminatorReal), discriminator.gradReal);
      expectClose(await valuesOf(result.discriminatorFake), discriminator.gradFake);
      expectClose(await valuesOf(result.generatorFake), generator.gradFake);
    });
  });
});
