import * as tf from '@tensorflow/tfjs';
import {captureStep} from '../../../src/node/index.js';
import {activateBackend, describeOnTensorFlow, tensorFlow} from '../../support/backends.js';
import {captureTwins} from '../../support/captured-twins.js';

/** Changes between two steps that the next step takes up, as when it runs as usual. */
describeOnTensorFlow('a captured step', () => {
  beforeAll(() => activateBackend(tensorFlow!));

  const SCALAR = {shape: [], dtype: 'float32' as const};
  const valueOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;
  /** Towards zero of the square of the sum of the weights times x. */
  const minimizing = (optimizer: tf.Optimizer, weights: tf.Variable[], x: tf.Tensor, trained = weights) =>
    optimizer.minimize(() => tf.square<tf.Scalar>(tf.mul(tf.addN(weights), x)), true, trained)!;

  describe('takes up at once', () => {
    test.each<[string, (optimizer: tf.MomentumOptimizer) => void]>([
      ['another kind of momentum', optimizer => Object.assign(optimizer, {useNesterov: true})],
      ['the momentum of another step', optimizer => Object.assign(optimizer, {m: tf.scalar(0.5)})],
      ['a learning rate', optimizer => optimizer.setLearningRate(0.02)],
    ])('%s', (_, change) => {
      const status = captureTwins(() => {
        const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.momentum(0.01, 0.9)];
        const step = (x: tf.Tensor) => minimizing(optimizer, [weight], x);
        return {step, variables: [weight], between: call => call === 5 && change(optimizer)};
      }, 12);
      expect(status).toMatchObject({state: 'captured', warnings: []});
    });

    test('that RMSProp is centered from now on', () => {
      const status = captureTwins(() => {
        const [weight, optimizer] = [tf.variable(tf.scalar(2)), tf.train.rmsprop(0.01)];
        const step = (x: tf.Tensor) => minimizing(optimizer, [weight], x);
        return {step, variables: [weight], between: call => call === 5 && Object.assign(optimizer, {centered: true})};
      }, 12);
      expect(status).toMatchObject({state: 'captured', warnings: []});
    });

    test('a variable that is no longer trainable, and then is again', () => {
      const status = captureTwins(() => {
        const weights = [1, 2].map(value => tf.variable(tf.scalar(value)));
        const optimizer = tf.train.sgd(0.01);
        const step = (x: tf.Tensor) => {
          const trainable = weights.filter(({trainable}) => trainable);
          return minimizing(optimizer, weights, x, trainable);
        };
        const between = (call: number) => {
          if (call === 5 || call === 10) weights[0]!.trainable = call === 10;
        };
        return {step, variables: weights, between};
      }, 15);
      expect(status).toMatchObject({state: 'captured', warnings: []});
    });

    test('a layer that is frozen', () => {
      const status = captureTwins(() => {
        const layer = () => tf.layers.dense({units: 1, kernelInitializer: 'ones'});
        const model = tf.sequential({layers: [tf.layers.inputLayer({inputShape: [1]}), layer(), layer()]});
        const all = model.trainableWeights.map(weight => weight.read() as tf.Variable);
        const optimizer = tf.train.sgd(0.001);
        const step = (x: tf.Tensor) => {
          const trainable = model.trainableWeights.map(weight => weight.read() as tf.Variable);
          const loss = () => tf.sum<tf.Scalar>(tf.square(model.apply(tf.reshape(x, [1, 1])) as tf.Tensor));
          return optimizer.minimize(loss, true, trainable)!;
        };
        const between = (call: number) => {
          if (call === 5) model.layers[1]!.trainable = false;
        };
        return {step, variables: all, between};
      }, 10);
      expect(status).toMatchObject({state: 'captured', warnings: []});
    });

    test.each<[string, () => tf.Optimizer]>([
      ['sgd', () => tf.train.sgd(0.01)],
      ['momentum', () => tf.train.momentum(0.01, 0.9)],
      ['adam', () => tf.train.adam(0.1)],
      ['rmsprop', () => tf.train.rmsprop(0.01)],
    ])('that its %s was disposed of and replaced', (_, make) => {
      const status = captureTwins(() => {
        const weight = tf.variable(tf.scalar(2));
        let optimizer = make();
        const step = (x: tf.Tensor) => minimizing(optimizer, [weight], x);
        const between = (call: number) => {
          if (call !== 5) return;
          optimizer.dispose();
          optimizer = make();
        };
        return {step, variables: [weight], between};
      }, 12);
      expect(status).toMatchObject({state: 'captured', warnings: []});
    });
  });

  test.each<[string, () => tf.Optimizer]>([
    ['adam', () => tf.train.adam(0.1)],
    ['momentum', () => tf.train.momentum(0.01, 0.9)],
    ['rmsprop', () => tf.train.rmsprop(0.01)],
    ['adagrad', () => tf.train.adagrad(0.1)],
  ])('follows setWeights of %s to the state before training', async (_, make) => {
    const run = async (captured: boolean) => {
      const [weight, optimizer] = [tf.variable(tf.scalar(2)), make()];
      const usual = (x: tf.Tensor) => minimizing(optimizer, [weight], x);
      const step = captured ? captureStep(usual, {inputs: [SCALAR]}) : usual;
      const before = await optimizer.getWeights();
      const values: number[] = [];
      for (let call = 0; call < 12; call++) {
        if (call === 5) await optimizer.setWeights(before);
        values.push(...tf.tidy(() => [valueOf(step(tf.scalar(1 + (call % 2)))), valueOf(weight)]));
      }
      return {values, state: (step as Partial<ReturnType<typeof captureStep>>).status?.state};
    };
    const [ours, theirs] = [await run(true), await run(false)];
    expect(ours.state).toBe('captured');
    ours.values.forEach((value, i) => expect(value).toBeCloseTo(theirs.values[i]!, 4));
  });

  test('assigns a variable to itself while another has its data too, as tfjs can', () => {
    const status = captureTwins(() => {
      const [weight, factor] = [tf.variable(tf.scalar(2)), tf.variable(tf.scalar(3))];
      const [optimizer, clone] = [tf.train.sgd(0.05), factor.clone()];
      const step = (x: tf.Tensor) =>
        tf.tidy(() => {
          factor.assign(factor);
          const before = weight.clone();
          weight.assign(weight);
          const loss = minimizing(optimizer, [weight], x);
          return tf.addN([loss, before, clone, factor]);
        });
      return {step, variables: [weight, factor]};
    }, 8);
    expect(status).toMatchObject({state: 'captured', warnings: []});
  });
});
