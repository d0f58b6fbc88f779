import * as tf from '@tensorflow/tfjs';
import type {SymbolicTensor} from '@tensorflow/tfjs';
import {compactGenerator, GAN, l1Loss, unetDiscriminator} from 'tfjs-ragan';
import {BilinearUpsampling} from '../../src/models/bilinear-upsampling.js';
import {PixelShuffle} from '../../src/models/pixel-shuffle.js';
import {PixelUnshuffle} from '../../src/models/pixel-unshuffle.js';
import {describeOnBackends} from '../support/backends.js';
import {valuesOf} from '../support/values.js';

const images = () => tf.randomNormal<tf.Rank.R4>([2, 4, 6, 3], 0, 1, 'float32', 1);

describeOnBackends('the layers of the networks', () => {
  test('bilinear upsampling interpolates between the centres of pixels', async () => {
    const row = tf.tensor4d([0, 4, 8], [1, 1, 3, 1]);
    const large = new BilinearUpsampling({}).apply(row) as tf.Tensor;
    expect(large.shape).toEqual([1, 2, 6, 1]);
    expect(await valuesOf(large)).toEqual([0, 1, 3, 5, 7, 8, 0, 1, 3, 5, 7, 8]);
  });

  test('unshuffled pixels are those of the block, row by row, and shuffle back', async () => {
    const x = images();
    const channels = new PixelUnshuffle({scale: 2}).apply(x) as tf.Tensor4D;
    expect(channels.shape).toEqual([2, 2, 3, 12]);
    const [y, column, channel] = [1, 2, 1];
    for (const [dy, dx] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const one = channels.slice([1, y, column, (2 * dy + dx) * 3 + channel], [1, 1, 1, 1]);
      expect(await valuesOf(one)).toEqual(await valuesOf(x.slice([1, 2 * y + dy, 2 * column + dx, channel], [1, 1, 1, 1])));
    }
    expect(await valuesOf(new PixelShuffle({scale: 2}).apply(channels) as tf.Tensor)).toEqual(await valuesOf(x));
  });

  test.each([BilinearUpsampling, PixelUnshuffle])('$name has the right gradient, and leaks nothing', async Layer => {
    const layer = new Layer({scale: 2});
    const x = images();
    const weights = tf.tidy(() => tf.randomNormal((layer.apply(x) as tf.Tensor).shape, 0, 1, 'float32', 2));
    const direction = tf.randomNormal(x.shape, 0, 1, 'float32', 3);
    const before = tf.memory().numTensors;
    // It is linear: the slope along a direction is the score of the direction.
    const slopeAndScore = tf.tidy(() => {
      const scoreOf = (z: tf.Tensor): tf.Scalar => (layer.apply(z) as tf.Tensor).mul(weights).sum();
      return tf.stack([tf.grad(scoreOf)(x).mul(direction).sum(), scoreOf(direction)]);
    });
    const [slope, score] = await valuesOf(slopeAndScore);
    expect(slope).toBeCloseTo(score!, 4);
    slopeAndScore.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a saved model finds them', async () => {
    const input = tf.input({shape: [null, null, 3]});
    const small = new PixelUnshuffle({scale: 2}).apply(input) as SymbolicTensor;
    const model = tf.model({inputs: input, outputs: new BilinearUpsampling({}).apply(small) as SymbolicTensor});
    const loaded = await tf.models.modelFromJSON(JSON.parse(model.toJSON() as string) as tf.io.ModelJSON);
    expect(await valuesOf(loaded.predict(images()) as tf.Tensor)).toEqual(await valuesOf(model.predict(images()) as tf.Tensor));
  });
});

describeOnBackends('a compact generator against a U-Net', backend => {
  test('learns: the content loss falls, and the critic tells real from fake', async () => {
    const generator = compactGenerator({scale: 2, filters: 4, convolutions: 1, seed: 1});
    const discriminator = unetDiscriminator({filters: 4, seed: 2});
    const gan = new GAN({generator, discriminator});
    gan.compile({
      generatorOptimizer: tf.train.adam(1e-2),
      discriminatorOptimizer: tf.train.adam(1e-2),
      adversarialWeight: 0.01,
      generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
      onWarning: message => {
        throw new Error(message);
      },
    });
    const ys = tf.randomUniform<tf.Rank.R4>([2, 16, 16, 3], 0, 1, 'float32', 3);
    const xs = tf.avgPool(ys, 2, 2, 'valid');
    const logs = [];
    for (let step = 0; step < 12; step++) logs.push(await gan.trainOnBatch(xs, ys));
    expect(logs.at(-1)!.content).toBeLessThan(0.99 * logs[0]!.content!);
    expect(logs.at(-1)!.discriminatorLoss).toBeLessThan(0.9 * logs[0]!.discriminatorLoss!);
    gan.dispose();
  }, 60_000 * (backend === 'webgpu' ? 4 : 1));
});
