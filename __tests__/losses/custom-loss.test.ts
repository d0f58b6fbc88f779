import * as tf from '@tensorflow/tfjs';
import type {ElementLoss, GanLossOptions} from 'tfjs-ragan';
import {GanLoss} from 'tfjs-ragan';
import {describeOnBackends} from '../support/backends.js';

/** A loss whose elements are what the test says. */
class Custom extends GanLoss {
  static className = 'Custom';
  constructor(
    private readonly element: ElementLoss,
    options: GanLossOptions = {},
  ) {
    super(options);
  }
  protected elementLoss(): ElementLoss {
    return this.element;
  }
}

const value: ElementLoss['value'] = (real, fake) => tf.sub(fake, real);
const gradients: ElementLoss['gradients'] = (dy, real, fake) => [
  tf.mul(dy, tf.fill(real.shape, -1)),
  tf.mul(dy, tf.onesLike(fake)),
];

/** As JavaScript might return it. */
const returning = (result: unknown) => () => result as never;

describeOnBackends('a loss of one’s own', () => {
  const logits = (values: number[]) => tf.tensor2d(values, [values.length, 1]);
  let real: tf.Tensor2D;
  let fake: tf.Tensor2D;
  beforeAll(() => {
    real = logits([1, 2, 4]);
    fake = logits([0, 3, 1]);
  });

  /** Every way to a loss's value and gradients. */
  const uses: Record<string, (loss: GanLoss) => tf.TensorContainer> = {
    discriminator: loss => loss.discriminator(real, fake),
    generator: loss => loss.generator(real, fake),
    'the gradient': loss => tf.grads((r: tf.Tensor, f: tf.Tensor) => loss.discriminator(r, f))([real, fake]),
    withGradients: loss => ({...loss.withGradients(real, fake)}),
  };
  const reductions = {MEAN: tf.Reduction.MEAN, SUM: tf.Reduction.SUM};

  test.each(Object.entries(reductions))(
    'has the values and gradients of its elements, by %s',
    async (name, reduction) => {
      const loss = new Custom({value, gradients}, {reduction});
      const share = name === 'MEAN' ? 1 / 3 : 1;
      expect((await loss.discriminator(real, fake).data())[0]).toBeCloseTo(-3 * share, 5);
      const {discriminatorReal, generatorFake} = loss.withGradients(real, fake);
      const [ofReal] = tf.grads((r: tf.Tensor, f: tf.Tensor) => loss.discriminator(r, f))([real, fake]);
      for (const gradient of [discriminatorReal, ofReal!]) {
        expect(gradient.shape).toEqual([3, 1]);
        for (const one of await gradient.data()) expect(one).toBeCloseTo(-share, 5);
      }
      for (const one of await generatorFake.data()) expect(one).toBeCloseTo(share, 5);
    },
  );

  describe.each(Object.entries(uses))('%s', (use, run) => {
    const tensors: [string, () => unknown, string][] = [
      ['a scalar', () => tf.mean(tf.sub(fake, real)), 'one of shape []'],
      ['a vector', () => tf.sub(fake, real).flatten(), 'one of shape [3]'],
      ['a wider matrix', () => tf.sub(fake, tf.transpose(real)), 'one of shape [3, 3]'],
      ['a number', () => 1, 'number'],
      ['nothing', () => undefined, 'undefined'],
    ];
    test.each(tensors)('refuses a value that is %s', (_, result, found) => {
      const before = tf.memory().numTensors;
      const loss = new Custom({value: () => result() as tf.Tensor, gradients});
      expect(() => tf.tidy(() => run(loss))).toThrow(
        `Custom: value() of its elementLoss must return a tensor of the logits' shape, [3, 1], but it returned ${found};`,
      );
      expect(tf.memory().numTensors).toBe(before);
    });

    if (use === 'discriminator' || use === 'generator') return;
    test.each<[string, ElementLoss['gradients'], string]>([
      ['dy, a scalar', dy => [tf.neg(dy), dy], 'one of shape [] and one of shape []'],
      ['one of two', (dy, _, f) => [tf.mul(dy, tf.onesLike(f)), tf.sum(f)], 'one of shape [3, 1] and one of shape []'],
      ['one only', (_, r) => [r] as never, 'one of shape [3, 1]'],
      ['a tensor', (_, r) => r as never, 'one of shape [3, 1]'],
      ['nothing', returning(undefined), 'undefined'],
    ])('refuses gradients that are %s', (_, wrong, found) => {
      const loss = new Custom({value, gradients: wrong});
      expect(() => tf.tidy(() => run(loss))).toThrow(
        `Custom: gradients() of its elementLoss must return two tensors of the logits' shape, [3, 1], but it returned ${found}; dy`,
      );
    });
  });

  test('refuses names that are neither its own nor every loss’s', () => {
    class Own extends GanLoss {
      static className = 'Own';
      constructor(options: GanLossOptions & {margin?: number} = {}) {
        super(options, {margin: true});
      }
      protected elementLoss(): ElementLoss {
        return {value, gradients};
      }
    }
    expect(() => new Own({margin: 1, criterion: 'hinge'})).not.toThrow();
    expect(() => new Own({marginn: 1} as object)).toThrow("Own: unknown option 'marginn'; did you mean 'margin'?");
  });

  test('refuses a class without a name', () => {
    class Nameless extends GanLoss {
      constructor() {
        super({});
      }
      protected elementLoss(): ElementLoss {
        return {value, gradients};
      }
    }
    expect(() => new Nameless()).toThrow('Nameless: a subclass of GanLoss needs a static className of its own.');
  });
});
