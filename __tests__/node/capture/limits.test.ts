import * as tf from '@tensorflow/tfjs';
import {setLearningRate} from '../../../src/index.js';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';

/** What a captured step takes, gives and frees besides arithmetic, as when it runs as usual; and what it says it cannot. */
describeOnTensorFlow('a captured step', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  beforeEach(() => void (warnings.length = 0));

  const SCALAR = {shape: [], dtype: 'float32' as const};
  const valuesOf = (tensor: tf.Tensor) => [...tensor.dataSync()];

  describe('looks values up', () => {
    const indices = (call: number, shape: number[]) =>
      tf.tensor(
        Array.from({length: tf.util.sizeFromShape(shape)}, (_, i) => (i * 3 + call) % 5),
        shape,
        'int32',
      );

    test.each<[string, (table: tf.Variable, x: tf.Tensor) => tf.Tensor, number[]]>([
      ['in a vector of indices', (table, x) => tf.gather(table, x), [4]],
      ['along another axis', (table, x) => tf.gather(tf.transpose(table), x, 1), [4]],
      ['by a matrix of indices', (table, x) => tf.gather(table, x), [2, 3]],
      [
        'by indices that it computes',
        (table, x) => tf.gather(table, tf.floorDiv<tf.Tensor1D>(x, tf.scalar(2, 'int32'))),
        [4],
      ],
    ])('%s', (_, lookUp, shape) => {
      const run = (captured: boolean) => {
        const table = tf.variable(tf.tidy(() => tf.sin<tf.Tensor2D>(tf.reshape(tf.range(0, 10), [5, 2]))));
        const optimizer = tf.train.adam(0.1);
        const usual = (x: tf.Tensor) =>
          optimizer.minimize(() => tf.sum<tf.Scalar>(tf.square(lookUp(table, x))), true, [table])!;
        const step = captured ? captureStep(usual, {inputs: [{shape, dtype: 'int32'}], onWarning}) : usual;
        const losses = Array.from({length: 6}, (_, call) => tf.tidy(() => step(indices(call, shape)).dataSync()[0]!));
        return {values: [...losses, ...valuesOf(table)], step: step as ReturnType<typeof captureStep>};
      };
      const [ours, theirs] = [run(true), run(false)];
      expect([ours.step.status.state, warnings]).toEqual(['captured', []]);
      ours.values.forEach((value, i) => expect(value).toBeCloseTo(theirs.values[i]!, 5));
      ours.step.dispose();
    });

    test('in an embedding layer, and names what fails', () => {
      const embedding = tf.layers.embedding({inputDim: 5, outputDim: 2, name: 'words'});
      const model = tf.sequential({layers: [tf.layers.inputLayer({inputShape: [3]}), embedding, tf.layers.flatten()]});
      const step = captureStep((x: tf.Tensor) => tf.tidy(() => tf.sum(model.apply(x) as tf.Tensor)), {
        inputs: [{shape: [2, 3], dtype: 'int32'}],
        onWarning,
      });
      const run = (call: number) =>
        tf.tidy(() => step(tf.add(indices(call, [2, 3]), tf.scalar(call < 5 ? 0 : 5, 'int32'))).dataSync()[0]);
      for (let i = 0; i < 5; i++) run(i);
      expect([step.status.state, warnings]).toEqual(['captured', []]);
      expect(() => run(5)).toThrow(/GatherV2 .*at .*capture.limits.* in layer words \(Embedding\)/s);
      step.dispose();
    });
  });

  describe('leaves tensors as they are', () => {
    const outside = () => tf.tidy(() => tf.keep(tf.scalar(7)));

    test('that it returns as it was given them, or from outside', () => {
      const constant = outside();
      const step = captureStep((x: tf.Tensor) => ({x, list: [constant, x], sum: tf.add(x, constant)}), {
        inputs: [SCALAR],
        onWarning,
      });
      const {numTensors} = tf.memory();
      for (let i = 0; i < 5; i++) {
        const x = tf.scalar(i);
        const result = step(x);
        expect(result.x).toBe(x);
        expect(result.list[0]).toBe(constant);
        expect(result.list[1]).toBe(x);
        expect(valuesOf(result.sum)).toEqual([7 + i]);
        tf.dispose([result.sum, x]);
        expect(tf.memory().numTensors).toBe(numTensors);
      }
      expect([step.status.state, warnings]).toEqual(['captured', []]);
      step.dispose();
    });

    test('where it cannot be captured, too', () => {
      const step = captureStep((x: tf.Tensor) => tf.tidy(() => [x, tf.add(x, tf.rand([], Math.random))]), {
        inputs: [SCALAR],
        onWarning,
      });
      const x = tf.scalar(1);
      const {numTensors} = tf.memory();
      for (let i = 0; i < 5; i++) {
        const [same, sum] = step(x);
        expect(same).toBe(x);
        sum!.dispose();
        expect(tf.memory().numTensors).toBe(numTensors);
      }
      expect(step.status.state).toBe('eager');
    });

    test('but for those that it disposes of', () => {
      const step = captureStep(
        (x: tf.Tensor, y: tf.Tensor) => {
          const sum = tf.add(x, y);
          x.dispose();
          return sum;
        },
        {inputs: [SCALAR, SCALAR], onWarning},
      );
      const y = tf.scalar(1);
      const {numTensors} = tf.memory();
      for (let i = 0; i < 5; i++) {
        const x = tf.scalar(i);
        const sum = step(x, y);
        expect([x.isDisposed, y.isDisposed, ...valuesOf(sum)]).toEqual([true, false, i + 1]);
        sum.dispose();
        expect(tf.memory().numTensors).toBe(numTensors);
      }
      expect([step.status.state, warnings]).toEqual(['captured', []]);
      step.dispose();
    });
  });

  describe('says why it cannot be', () => {
    const circular = () => {
      const result: Record<string, unknown> = {};
      result.again = [result];
      return result;
    };

    test.each<[string, () => (x: tf.Tensor) => unknown, RegExp]>([
      ['a BigInt', () => () => ({count: 10n}), /returns the bigint 10 at result\.count; return a tensor/],
      ['a function', () => () => [() => 1], /returns a function at result\[0\]/],
      ['a symbol', () => () => Symbol('s'), /returns the symbol Symbol\(s\)/],
      ['a result that holds itself', () => circular, /contains itself, at result\.again\[0\]/],
      ...(['sgd', 'momentum'] as const).map<[string, () => (x: tf.Tensor) => unknown, RegExp]>(name => [
        `a schedule of ${name} inside`,
        () => {
          const weight = tf.variable(tf.scalar(1));
          const optimizer = name === 'sgd' ? tf.train.sgd(1) : tf.train.momentum(1, 0.9);
          let rate = 1;
          return x => {
            setLearningRate(optimizer, (rate *= 0.9));
            return optimizer.minimize(() => tf.mul<tf.Scalar>(weight, x), true, [weight]);
          };
        },
        /changes the settings of an optimizer \(the learning rate, say\): set them between steps, at .*capture.limits/,
      ]),
      [
        'an optimizer that it makes each time',
        () => {
          const weight = tf.variable(tf.scalar(1));
          return x => tf.train.sgd(1).minimize(() => tf.mul<tf.Scalar>(weight, x), true, [weight]);
        },
        /uses other optimizers at every step/,
      ],
      [
        'random numbers that a layer makes',
        () => {
          class Shaky extends tf.layers.Layer {
            static className = 'Shaky';
            override call = (inputs: tf.Tensor | tf.Tensor[]) => {
              const [x] = [inputs].flat() as [tf.Tensor];
              return tf.add(x, tf.rand(x.shape, Math.random));
            };
          }
          const model = tf.sequential({
            layers: [
              tf.layers.dense({units: 3, inputShape: [1]}),
              new Shaky({name: 'shaky'}),
              tf.layers.dense({units: 1}),
            ],
          });
          return x => model.apply(tf.reshape(x, [1, 1]), {training: true});
        },
        /give it to the step as an input, at .*capture.limits.* in layer shaky \(Shaky\)/,
      ],
    ])('%s', (_, make, reason) => {
      const step = captureStep(make(), {inputs: [SCALAR], onWarning});
      for (let i = 0; i < 4; i++) tf.tidy(() => void step(tf.scalar(i + 1)));
      expect(step.status.state).toBe('eager');
      expect(step.status.reason).toMatch(reason);
      expect(warnings).toHaveLength(1);
    });

    test('run on an input that is disposed', () => {
      const step = captureStep((x: tf.Tensor, y: tf.Tensor) => tf.add(x, y), {
        inputs: [SCALAR, {shape: [2], dtype: 'float32'}],
      });
      for (let i = 0; i < 4; i++) {
        const [x, y] = [tf.scalar(1), tf.ones([2])];
        step(x, y).dispose();
        y.dispose();
        expect(() => step(x, y)).toThrow(/captureStep: input 1 of the step, of shape \[2\], is disposed/);
        x.dispose();
      }
      step.dispose();
    });
  });
});
