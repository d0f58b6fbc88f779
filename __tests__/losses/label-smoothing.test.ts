import * as tf from '@tensorflow/tfjs';
import type {Criterion, GanLoss} from 'tfjs-ragan';
import {discriminatorLoss, GAN, RelativisticAverageLoss, RelativisticPairedLoss, StandardLoss} from 'tfjs-ragan';
import {describeOnBackends, tensorFlow} from '../support/backends.js';
import {overParts} from '../support/parts.js';
import {AgainstTheBest} from '../support/random-micro-batches.js';
import {batch, compiled, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

const REAL = [0.3, -0.7, 1.9, 0.45, -1.27, 40];
const FAKE = [0.4, -1.1, 0.2, 0.9, 1.6, -35];
const LABELLED = ['crossEntropy', 'leastSquares'] as const;
type Labelled = (typeof LABELLED)[number];
type Oracle = (real: number[], fake: number[]) => number[];

const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const log1pExp = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The cost of a margin of a real sample: binary cross-entropy with the label 1 - s as it is in books, or squares. */
const ofReal = (criterion: Labelled, s: number) => (margin: number) => {
  if (criterion === 'leastSquares') return (margin - (1 - s)) ** 2;
  // ln(1 - sigmoid) is written so that it is exact.
  return Math.abs(margin) < 30
    ? -(1 - s) * Math.log(sigmoid(margin)) - s * Math.log(1 - sigmoid(margin))
    : (1 - s) * log1pExp(-margin) + s * log1pExp(margin);
};

/** The discriminator's loss of each element in float64. */
const oracles: Record<string, (criterion: Labelled, s: number) => Oracle> = {
  standard: (criterion, s) => (real, fake) => {
    const ofFake = (f: number) => (criterion === 'leastSquares' ? f ** 2 : log1pExp(f));
    return real.map((r, i) => ofReal(criterion, s)(r) + ofFake(fake[i]!));
  },
  average: (criterion, s) => (real, fake) => {
    const ofFake = (margin: number) => (criterion === 'leastSquares' ? (margin + 1) ** 2 : log1pExp(margin));
    return real.map((r, i) => ofReal(criterion, s)(r - average(fake)) + ofFake(fake[i]! - average(real)));
  },
  paired: (criterion, s) => (real, fake) => real.map((r, i) => ofReal(criterion, s)(r - fake[i]!)),
};
const classes = {standard: StandardLoss, average: RelativisticAverageLoss, paired: RelativisticPairedLoss};
const cases = Object.keys(oracles).flatMap(name =>
  LABELLED.flatMap(criterion =>
    [0.1, 0.45].map(labelSmoothing => ({
      name: `${name}, ${criterion}, ${labelSmoothing}`,
      loss: (reduction = tf.Reduction.MEAN): GanLoss =>
        new classes[name as keyof typeof classes]({criterion, labelSmoothing, reduction}),
      plain: new classes[name as keyof typeof classes]({criterion}),
      oracle: oracles[name]!(criterion, labelSmoothing),
    })),
  ),
);

/** The derivatives of the mean in float64 by each real and each fake logit. */
function differences(oracle: Oracle): [number[], number[]] {
  const h = 1e-5;
  const moved = (values: number[], i: number, by: number) => values.map((value, j) => (i === j ? value + by : value));
  const slope = (at: (by: number) => number) => (at(h) - at(-h)) / (2 * h);
  return [
    REAL.map((_, i) => slope(by => average(oracle(moved(REAL, i, by), FAKE)))),
    FAKE.map((_, i) => slope(by => average(oracle(REAL, moved(FAKE, i, by))))),
  ];
}

describeOnBackends('label smoothing', backend => {
  const real = () => tf.tensor2d(REAL, [REAL.length, 1]);
  const fake = () => tf.tensor2d(FAKE, [FAKE.length, 1]);

  test.each(cases)('has the values and gradients of its labels: $name', async ({loss, plain, oracle}) => {
    const elements = oracle(REAL, FAKE);
    expectClose(await valuesOf(loss(tf.Reduction.NONE).discriminator(real(), fake())), elements);
    expectClose(await valuesOf(loss().discriminator(real(), fake())), [average(elements)]);
    const [ofRealLogits, ofFakeLogits] = differences(oracle);
    const {value, grads} = tf.valueAndGrads((r, f) => loss().discriminator(r, f))([real(), fake()]);
    expectClose(await valuesOf(value), [average(elements)]);
    expectClose(await valuesOf(grads[0]!), ofRealLogits);
    expectClose(await valuesOf(grads[1]!), ofFakeLogits);
    const result = loss().withGradients(real(), fake());
    expectClose(await valuesOf(result.discriminatorLoss), [average(elements)]);
    expectClose(await valuesOf(result.discriminatorReal), ofRealLogits);
    expectClose(await valuesOf(result.discriminatorFake), ofFakeLogits);
    // The generator's loss is as without.
    const generator = plain.withGradients(real(), fake());
    expect(await valuesOf(result.generatorLoss)).toEqual(await valuesOf(generator.generatorLoss));
    expect(await valuesOf(result.generatorFake)).toEqual(await valuesOf(generator.generatorFake));
    expect(await valuesOf(loss().generator(real(), fake()))).toEqual(await valuesOf(plain.generator(real(), fake())));
  });

  test.each(cases)('can be differentiated twice: $name', async ({loss, oracle}) => {
    const total = (r: tf.Tensor) => tf.sum<tf.Scalar>(tf.grad(x => loss().discriminator(x, fake()))(r));
    const h = 1e-3;
    const at = (...moves: [number, number][]) =>
      average(
        oracle(
          REAL.map((value, i) => value + moves.reduce((sum, [j, by]) => sum + (i === j ? by : 0), 0)),
          FAKE,
        ),
      );
    const expected = REAL.map((_, i) =>
      REAL.reduce((sum, _, j) => {
        const mixed = at([i, h], [j, h]) - at([i, h], [j, -h]) - at([i, -h], [j, h]) + at([i, -h], [j, -h]);
        return sum + mixed / (4 * h * h);
      }, 0),
    );
    const actual = await valuesOf(tf.grad(total)(real()));
    // Where all are zero there is no size to compare with; none here is above 1 or so.
    expectClose([...actual, 1], [...expected, 1], 1e-5);
  });

  test.each(cases)('is exact over parts of a batch: $name', async ({loss}) => {
    const whole = loss().withGradients(real(), fake());
    const sizes = [1, 3, 2];
    const [reals, fakes] = [tf.split(real(), sizes), tf.split(fake(), sizes)];
    const parts = overParts(sizes.length, (part, averaging) =>
      loss().withGradients(reals[part]!, fakes[part]!, {averaging}),
    );
    for (const name of ['discriminatorReal', 'discriminatorFake'] as const) {
      expectClose(await valuesOf(tf.concat(parts.map(part => part[name]))), await valuesOf(whole[name]));
    }
    for (const part of parts)
      expectClose(await valuesOf(part.discriminatorLoss), await valuesOf(whole.discriminatorLoss));
  });

  test('stays finite for huge logits, keeps no tensor, and is an option of the functions', async () => {
    const [huge, low] = [tf.tensor2d([[1e4], [-1e4]]), tf.tensor2d([[-1e4], [1e4]])];
    const {numTensors} = tf.memory();
    for (const {loss} of cases) {
      const result = loss().withGradients(huge, low);
      for (const value of Object.values(result) as tf.Tensor[]) {
        expect((await valuesOf(value)).every(Number.isFinite)).toBe(true);
      }
      tf.dispose({...result});
    }
    expect(tf.memory().numTensors).toBe(numTensors);
    const options = {criterion: 'leastSquares', labelSmoothing: 0.2} as const;
    expect(await valuesOf(discriminatorLoss(real(), fake(), options))).toEqual(
      await valuesOf(new RelativisticAverageLoss(options).discriminator(real(), fake())),
    );
  });

  test.each([StandardLoss, RelativisticAverageLoss, RelativisticPairedLoss])(
    'trains by compile as by the loss, in one pass, in several and in micro-batches: %p',
    async lossClass => {
      const {xs, ys} = batch(7);
      const train = async (options: Parameters<typeof compiled>[0]) => {
        const gan = compiled({discriminatorSteps: 2, ...options});
        const logs = [];
        for (let i = 0; i < 8; i++) logs.push(Object.values(await gan.trainOnBatch(xs, ys)));
        if (backend === tensorFlow && options?.capture !== false) {
          expect(gan.captureStatus).toMatchObject({state: 'captured'});
        }
        const weights = [...(await weightsOf(gan.generator)), ...(await weightsOf(gan.discriminator))];
        gan.dispose();
        return [...logs, ...weights].flat();
      };
      const smoothed = await train({loss: new lossClass({labelSmoothing: 0.2}), capture: false});
      const plain = await train({loss: new lossClass(), capture: false});
      expect(() => expectClose(smoothed, plain, 1e-3)).toThrow();
      for (const passes of ['one', 'separate'] as const) {
        const options = {loss: new lossClass(), labelSmoothing: 0.2, passes};
        expectClose(await train(options), smoothed, 1e-5);
        expectClose(await train({...options, microBatchSize: 3}), smoothed, 1e-5);
      }
      // That of compile stands for the loss's.
      expectClose(await train({loss: new lossClass({labelSmoothing: 0.2}), labelSmoothing: 0}), plain, 1e-5);
    },
  );
});

describe('label smoothing is refused', () => {
  test.each([-0.1, 0.5, 1, NaN, '0.1' as unknown as number])('of %p', labelSmoothing => {
    const told = /labelSmoothing must be a number of at least 0 and below 0\.5, but it is/;
    for (const lossClass of Object.values(classes)) {
      expect(() => new lossClass({labelSmoothing})).toThrow(told);
    }
    expect(() => compiled({labelSmoothing})).toThrow(told);
  });

  test.each(['hinge', 'wasserstein'] as Criterion[])('where the criterion, %s, has no labels', criterion => {
    const told = new RegExp(
      `Loss: labelSmoothing needs a criterion with labels, 'crossEntropy' or 'leastSquares', but it is '${criterion}', which has`,
    );
    for (const lossClass of Object.values(classes)) {
      expect(() => new lossClass({criterion, labelSmoothing: 0.1})).toThrow(told);
      expect(() => compiled({loss: new lossClass({criterion}), labelSmoothing: 0.1})).toThrow(told);
      expect(new lossClass({criterion, labelSmoothing: 0}).labelSmoothing).toBe(0);
    }
  });

  test('where the loss has none', () => {
    expect(() => compiled({loss: new AgainstTheBest(), labelSmoothing: 0.1})).toThrow(
      'GAN.compile: labelSmoothing needs a loss with labels, such as new StandardLoss(), but AgainstTheBest has no such option.',
    );
    expect(compiled({loss: new AgainstTheBest(), labelSmoothing: 0})).toBeInstanceOf(GAN);
  });
});
