import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import type {Criterion, GanLoss} from 'tfjs-ragan';
import {
  RelativisticAverageLoss,
  RelativisticPairedLoss,
  StandardLoss,
  discriminatorLoss,
  generatorLoss,
} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';
import {overParts} from '../support/parts.js';
import {expectClose, valuesOf} from '../support/values.js';

const criteria: Criterion[] = ['crossEntropy', 'leastSquares', 'hinge', 'wasserstein'];
const relativistic = (criterion: Criterion): GanLoss[] => [
  new RelativisticAverageLoss({criterion}),
  new RelativisticAverageLoss({criterion, axis: 'all'}),
  new RelativisticPairedLoss({criterion}),
];
const everyLoss = (criterion: Criterion) => [...relativistic(criterion), new StandardLoss({criterion})];
const sides = ['discriminator', 'generator'] as const;

const logit = fc.double({min: -8, max: 8, noNaN: true});
const logits = fc.array(logit, {minLength: 2, maxLength: 8});
const pairs = logits.chain(real =>
  fc.tuple(fc.constant(real), fc.array(logit, {minLength: real.length, maxLength: real.length})),
);
/** A pair with an order of each side's samples. */
const reordered = pairs.chain(([real, fake]) => {
  const indices = real.map((_, i) => i);
  const order = fc.shuffledSubarray(indices, {minLength: indices.length});
  return fc.record({real: fc.constant(real), fake: fc.constant(fake), ofReal: order, ofFake: order});
});
const column = (values: number[]) => tf.tensor2d(values, [values.length, 1]);
const scalar = async (value: tf.Tensor) => (await value.data())[0]!;

function holds(check: (real: number[], fake: number[]) => Promise<void>): Promise<void> {
  return fc.assert(
    fc.asyncProperty(pairs, ([real, fake]) => check(real, fake)),
    {numRuns: 25, seed: 1},
  );
}

describeOnBackends('for any logits', () => {
  test.each(criteria)('relativistic losses do not see a shift of all logits (%s)', criterion =>
    holds(async (real, fake) => {
      for (const loss of relativistic(criterion)) {
        for (const side of sides) {
          const value = await scalar(loss[side](column(real), column(fake)));
          const shifted = await scalar(loss[side](column(real.map(r => r + 2)), column(fake.map(f => f + 2))));
          expect(Math.abs(shifted - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)));
        }
      }
    }),
  );

  test.each(criteria)(
    "the generator's relativistic loss is the discriminator's with real and fake swapped (%s)",
    criterion =>
      holds(async (real, fake) => {
        for (const loss of relativistic(criterion)) {
          const generator = await scalar(loss.generator(column(real), column(fake)));
          expect(await scalar(loss.discriminator(column(fake), column(real)))).toBeCloseTo(generator, 5);
        }
      }),
  );

  test.each(criteria)('the order of samples changes no loss, and orders the gradients (%s)', criterion =>
    fc.assert(
      fc.asyncProperty(reordered, async ({real, fake, ofReal, ofFake}) => {
        for (const loss of everyLoss(criterion)) {
          // Where pairs are compared, they stay together.
          const ofPartner = loss instanceof RelativisticPairedLoss ? ofReal : ofFake;
          const pick = (values: number[], order: number[]) => order.map(i => values[i]!);
          for (const side of sides) {
            const at = (r: number[], f: number[]) =>
              tf.valueAndGrads((x, y) => loss[side](x, y))([column(r), column(f)]);
            const [before, after] = [at(real, fake), at(pick(real, ofReal), pick(fake, ofPartner))];
            const value = await scalar(before.value);
            expect(Math.abs((await scalar(after.value)) - value)).toBeLessThan(1e-5 * (1 + Math.abs(value)));
            for (const [i, order] of [ofReal, ofPartner].entries()) {
              const expected = pick(await valuesOf(before.grads[i]!), order);
              (await valuesOf(after.grads[i]!)).forEach((gradient, j) =>
                expect(Math.abs(gradient - expected[j]!)).toBeLessThan(1e-5 * (1 + Math.abs(expected[j]!))),
              );
            }
          }
        }
      }),
      {numRuns: 25, seed: 1},
    ),
  );

  test.each(criteria)('the gradients of relativistic losses over real and fake sum to zero (%s)', criterion =>
    holds(async (real, fake) => {
      for (const loss of relativistic(criterion)) {
        for (const side of sides) {
          const gradients = tf.grads((r, f) => loss[side](r, f))([column(real), column(fake)]);
          const values = (await Promise.all(gradients.map(valuesOf))).flat();
          const size = values.reduce((sum, value) => sum + Math.abs(value), 0);
          expect(Math.abs(values.reduce((a, b) => a + b))).toBeLessThan(1e-5 * (1 + size));
        }
      }
    }),
  );

  test.each([
    ['crossEntropy', Math.LN2],
    ['leastSquares', 1],
    ['hinge', 1],
    ['wasserstein', 0],
  ] as const)('equal logits give the penalty of no margin, for each term (%s: %s)', (criterion, ofNone) =>
    fc.assert(
      fc.asyncProperty(logit, fc.integer({min: 1, max: 8}), async (value, count) => {
        const equal = column(Array.from({length: count}, () => value));
        for (const loss of relativistic(criterion)) {
          const terms = loss instanceof RelativisticPairedLoss ? 1 : 2;
          for (const side of sides) expect(await scalar(loss[side](equal, equal))).toBeCloseTo(terms * ofNone, 5);
        }
      }),
      {numRuns: 25, seed: 1},
    ),
  );

  test('one image per average is the paired form, twice', async () => {
    const [real, fake] = [column([0.7]), column([-0.4])];
    const average = await scalar(new RelativisticAverageLoss().discriminator(real, fake));
    expect(average).toBeCloseTo(2 * (await scalar(new RelativisticPairedLoss().discriminator(real, fake))), 6);
  });
});

describeOnBackends('faults of others', () => {
  const real = () => column([2, 1, 3]);
  const fake = () => column([-1, 0.5, -2]);

  test('no hinge generator is identically zero', async () => {
    for (const loss of everyLoss('hinge')) {
      const gradient = tf.grad(f => loss.generator(real(), f))(fake());
      expect(Math.max(...(await valuesOf(gradient)).map(Math.abs))).toBeGreaterThan(0.1);
    }
  });

  test('the least squares labels agree: both losses vanish at their own targets', async () => {
    const loss = new RelativisticAverageLoss({criterion: 'leastSquares'});
    expect(await scalar(loss.discriminator(column([1, 1]), column([0, 0])))).toBeCloseTo(0, 6);
    expect(await scalar(loss.generator(column([0, 0]), column([1, 1])))).toBeCloseTo(0, 6);
    const standard = new StandardLoss({criterion: 'leastSquares'});
    expect(await scalar(standard.discriminator(column([1, 1]), column([0, 0])))).toBeCloseTo(0, 6);
    expect(await scalar(standard.generator(column([0, 0]), column([1, 1])))).toBeCloseTo(0, 6);
  });

  test('the average is not detached by default', async () => {
    const gradient = (loss: GanLoss) => tf.grad(f => loss.discriminator(real(), f))(fake());
    const flowing = await valuesOf(gradient(new RelativisticAverageLoss()));
    const detached = await valuesOf(gradient(new RelativisticAverageLoss({detachAverage: true})));
    expect(Math.abs(flowing[0]! - detached[0]!)).toBeGreaterThan(0.01);
  });

  test('the terms are summed, not halved', async () => {
    const softplus = (x: number) => Math.log1p(Math.exp(x));
    expect(await scalar(new StandardLoss().discriminator(column([1]), column([-2])))).toBeCloseTo(
      softplus(-1) + softplus(-2),
      5,
    );
  });

  test.each([20, 1e3, 1e4])('value and gradient are finite at a gap of %s', async gap => {
    for (const criterion of criteria) {
      for (const loss of everyLoss(criterion)) {
        for (const side of sides) {
          const {value, grads} = tf.valueAndGrads((r, f) => loss[side](r, f))([column([gap, 0]), column([-gap, 0])]);
          for (const result of [value, ...grads]) expect((await valuesOf(result)).every(Number.isFinite)).toBe(true);
        }
      }
    }
  });
});

describeOnBackends('cost', () => {
  test('cross-entropy and both gradients take 26 kernels at most', async () => {
    const loss = new RelativisticAverageLoss();
    const [real, fake] = [column([1, 2, 3]), column([0, 1, 1])];
    const {kernels} = await tf.profile(() => {
      const {value, grads} = tf.valueAndGrads((r, f) => loss.discriminator(r, f))([real, fake]);
      return [value, ...grads];
    });
    // The profile also has an entry for each function with a gradient of its own, which is no kernel, and tfjs-node's
    // Mean one for a Cast to float32, with which TensorFlow just hands a float32 tensor on.
    const run = kernels.filter(({name}) => name !== 'Cast' && tf.getKernel(name, tf.getBackend()));
    expect(run.length).toBeGreaterThan(10);
    expect(run.length).toBeLessThanOrEqual(26);
  });

  test.each(sides)('%s leaks nothing', side => {
    const [real, fake] = [column([1, 2, 3]), column([0, 1, 1])];
    const weight = column([1, 0, 2]);
    for (const criterion of criteria) {
      for (const loss of everyLoss(criterion)) {
        const before = tf.memory().numTensors;
        tf.dispose(tf.valueAndGrads((r, f) => loss[side](r, f, weight))([real, fake]));
        tf.dispose({...loss.withGradients(real, fake, {sampleWeight: weight})});
        expect(tf.memory().numTensors).toBe(before);
      }
    }
  });
});

describeOnBackends('reductions and weights', () => {
  const [real, fake, weight] = [
    [1, -1, 2],
    [0.5, 0, -2],
    [1, 0, 3],
  ];
  test.each([tf.Reduction.MEAN, tf.Reduction.SUM, tf.Reduction.SUM_BY_NONZERO_WEIGHTS])(
    'withGradients and computeWeightedLoss agree for reduction %s',
    async reduction => {
      const loss = new RelativisticAverageLoss({reduction});
      for (const sampleWeight of [undefined, column(weight)]) {
        const {value, grads} = tf.valueAndGrads((r, f) => loss.discriminator(r, f, sampleWeight))([
          column(real),
          column(fake),
        ]);
        const result = loss.withGradients(column(real), column(fake), sampleWeight ? {sampleWeight} : {});
        expectClose(await valuesOf(result.discriminatorLoss), await valuesOf(value));
        expectClose(await valuesOf(result.discriminatorReal), await valuesOf(grads[0]!));
        expectClose(await valuesOf(result.discriminatorFake), await valuesOf(grads[1]!));
      }
    },
  );

  test.each(['batch', 'spatial', 'all'] as const)(
    'the gradients of unequal parts are those of the whole (%s)',
    async axis => {
      const loss = new RelativisticAverageLoss({axis});
      const map = (seed: number) => tf.randomNormal([5, 2, 2, 1], 0, 1, 'float32', seed);
      const [reals, fakes] = [map(1), map(2)];
      const whole = loss.withGradients(reals, fakes);
      const [realsOf, fakesOf] = [tf.split(reals, [2, 3]), tf.split(fakes, [2, 3])];
      const parts = overParts(2, (part, averaging) => loss.withGradients(realsOf[part]!, fakesOf[part]!, {averaging}));
      for (const name of ['discriminatorReal', 'discriminatorFake', 'generatorFake'] as const) {
        expectClose(await valuesOf(tf.concat(parts.map(part => part[name]))), await valuesOf(whole[name]));
      }
      for (const name of ['discriminatorLoss', 'generatorLoss'] as const) {
        for (const part of parts) expectClose(await valuesOf(part[name]), await valuesOf(whole[name]));
      }
    },
  );
});

describe('configuration', () => {
  test.each([
    new RelativisticAverageLoss({
      mode: 'generator',
      axis: [1, 2],
      criterion: 'hinge',
      detachAverage: true,
      name: 'mine',
    }),
    new RelativisticPairedLoss({criterion: 'leastSquares', reduction: tf.Reduction.SUM}),
    new StandardLoss({mode: 'generator'}),
  ])('survives a round trip', loss => {
    const registered = tf.serialization.SerializationMap.getMap().classNameMap[loss.getClassName()]!;
    const [constructor] = registered;
    const copy = new (constructor as unknown as new (config: object) => GanLoss)(loss.getConfig());
    expect(copy).toBeInstanceOf(loss.constructor);
    expect(copy.getConfig()).toEqual(loss.getConfig());
    const again = (constructor as unknown as {fromConfig(c: object, config: object): GanLoss}).fromConfig(
      constructor,
      loss.getConfig(),
    );
    expect(again.getConfig()).toEqual(loss.getConfig());
  });

  test('the functions are the average loss', async () => {
    const [real, fake] = [column([1, 2]), column([0, 3])];
    const loss = new RelativisticAverageLoss({criterion: 'hinge', axis: 'all'});
    const options = {criterion: 'hinge', axis: 'all'} as const;
    expect(await valuesOf(discriminatorLoss(real, fake, options))).toEqual(
      await valuesOf(loss.discriminator(real, fake)),
    );
    expect(await valuesOf(generatorLoss(real, fake, options))).toEqual(await valuesOf(loss.generator(real, fake)));
    expect(await valuesOf(new RelativisticAverageLoss({mode: 'generator'}).apply(real, fake))).toEqual(
      await valuesOf(generatorLoss(real, fake)),
    );
  });

  test('asLossFunction trains a compiled model', async () => {
    const model = tf.sequential({layers: [tf.layers.dense({units: 1, inputShape: [2]})]});
    model.compile({
      optimizer: tf.train.sgd(0.1),
      loss: new RelativisticAverageLoss({mode: 'generator'}).asLossFunction(),
    });
    const {history} = await model.fit(
      tf.randomNormal([16, 2], 0, 1, 'float32', 1),
      tf.randomNormal([16, 1], 0, 1, 'float32', 2),
      {
        epochs: 5,
        batchSize: 16,
        shuffle: false,
      },
    );
    const losses = history.loss as number[];
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });
});

describe('refusals', () => {
  const loss = new RelativisticAverageLoss();
  const ones = (...shape: number[]) => tf.ones(shape);
  test.each<[string, () => unknown, string]>([
    [
      'shapes',
      () => loss.discriminator(ones(4), ones(4, 1)),
      'realLogits and fakeLogits must have the same shape, but they are [4] and [4, 1]',
    ],
    ['rank 0', () => loss.generator(tf.scalar(1), tf.scalar(1)), 'realLogits must have a batch axis'],
    [
      'empty',
      () => loss.discriminator(tf.zeros([0, 1]), tf.zeros([0, 1])),
      'at least one logit, but its shape is [0, 1]',
    ],
    ['dtype', () => loss.discriminator(ones(2).toInt(), ones(2).toInt()), 'dtype float32, but it is int32'],
    ['no tensor', () => loss.discriminator([1] as unknown as tf.Tensor, ones(1)), 'realLogits must be a tf.Tensor'],
    [
      'weight',
      () => loss.discriminator(ones(3, 1), ones(3, 1), ones(2, 1)),
      'sampleWeight must broadcast to the shape of the logits, [3, 1], but its shape is [2, 1]',
    ],
    [
      'weight that is an array',
      () => loss.discriminator(ones(2, 1), ones(2, 1), [1, 2] as unknown as tf.Tensor),
      'sampleWeight must be a tf.Tensor, but it is an array; make one with tf.tensor()',
    ],
    [
      'detachAverage',
      () => new RelativisticAverageLoss({detachAverage: 'no' as unknown as boolean}),
      'detachAverage must be one of true, false, but it is "no"',
    ],
    [
      'axis',
      () => new RelativisticAverageLoss({axis: 3}).discriminator(ones(2, 1), ones(2, 1)),
      'axis 3 is out of range for logits of rank 2',
    ],
    ['axis name', () => new RelativisticAverageLoss({axis: 'time' as 'batch'}), 'but it is "time"'],
    [
      'criterion',
      () => new RelativisticAverageLoss({criterion: 'wgan' as 'hinge'}),
      'criterion must be one of "crossEntropy", "leastSquares", "hinge", "wasserstein", but it is "wgan"',
    ],
    ['mode', () => new StandardLoss({mode: 'critic' as 'generator'}), 'mode must be one of'],
    ['reduction', () => new StandardLoss({reduction: 9 as tf.Reduction}), 'reduction must be a tf.Reduction'],
    [
      'NONE',
      () => new StandardLoss({reduction: tf.Reduction.NONE}).withGradients(ones(2), ones(2)),
      'NONE; use MEAN or SUM',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
