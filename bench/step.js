// One ESRGAN training step with TensorFlow.js, values, gradients and Adam updates of both networks, in each of the ways
// that are compared. A process of its own, for engine.js. Usage: step.js '{"backend": "wasm", "way": "one", ...}'
import * as tf from '@tensorflow/tfjs';
import {esrganGenerator, GAN, l1Loss, RelativisticAverageLoss, vggDiscriminator} from 'tfjs-ragan';
import {useBackend} from 'tfjs-ragan/node';
import {serveSteps} from './serve-steps.js';

const LOW_RESOLUTION = 16;
const HIGH_RESOLUTION = 4 * LOW_RESOLUTION;
const ADVERSARIAL_WEIGHT = 5e-3;
const WARM_UP = 3;

/** What `GAN.compile` is told for each way that has a GAN. */
const COMPILE_OPTIONS = {
  separate: {passes: 'separate', capture: false},
  one: {passes: 'one', capture: false},
  captured: {},
};

/** The updates one after the other, each with its own forward passes, as a GAN is written with TensorFlow.js alone. */
function usualStep({generator, discriminator}, xs, ys) {
  const loss = new RelativisticAverageLoss();
  const generatorOptimizer = tf.train.adam(1e-4);
  const discriminatorOptimizer = tf.train.adam(1e-4);
  const weightsOf = model => model.trainableWeights.map(weight => weight.read());
  const generatorWeights = weightsOf(generator);
  const discriminatorWeights = weightsOf(discriminator);
  const run = (model, x) => model.apply(x, {training: true});
  const generatorObjective = () => {
    const fake = run(generator, xs);
    const adversarial = loss.generator(run(discriminator, ys), run(discriminator, fake));
    return tf.add(l1Loss(ys, fake), tf.mul(adversarial, ADVERSARIAL_WEIGHT));
  };
  return async () => {
    const generatorLoss = generatorOptimizer.minimize(generatorObjective, true, generatorWeights);
    const fake = generator.predict(xs);
    const discriminatorObjective = () => loss.discriminator(run(discriminator, ys), run(discriminator, fake));
    const discriminatorLoss = discriminatorOptimizer.minimize(discriminatorObjective, true, discriminatorWeights);
    await Promise.all([generatorLoss.data(), discriminatorLoss.data()]);
    tf.dispose([generatorLoss, fake, discriminatorLoss]);
  };
}

function compiledGan(networks, way) {
  const gan = new GAN(networks);
  gan.compile({
    generatorOptimizer: tf.train.adam(1e-4),
    discriminatorOptimizer: tf.train.adam(1e-4),
    loss: new RelativisticAverageLoss(),
    adversarialWeight: ADVERSARIAL_WEIGHT,
    generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
    ...COMPILE_OPTIONS[way],
  });
  return gan;
}

/** A function that runs one step and resolves once its losses can be read: warmed up, and captured if that is asked. */
async function trainingStep({way, batch, filters, growth, blocks}) {
  const networks = {
    generator: esrganGenerator({filters, growth, blocks, seed: 1}),
    discriminator: vggDiscriminator({size: HIGH_RESOLUTION, filters: 32, maxFilters: 128, seed: 2}),
  };
  const xs = tf.randomUniform([batch, LOW_RESOLUTION, LOW_RESOLUTION, 3], 0, 1, 'float32', 3);
  const ys = tf.randomUniform([batch, HIGH_RESOLUTION, HIGH_RESOLUTION, 3], 0, 1, 'float32', 4);
  const gan = way === 'usual' ? undefined : compiledGan(networks, way);
  const step = gan ? () => gan.trainOnBatch(xs, ys) : usualStep(networks, xs, ys);
  for (let i = 0; i < WARM_UP; i++) {
    await step();
    const status = gan?.captureStatus;
    if (way === 'captured' && (!status || status.state === 'eager')) {
      throw new Error(status?.reason ?? 'this backend does not capture steps');
    }
  }
  return step;
}

async function main() {
  const settings = JSON.parse(process.argv[2]);
  const about = await useBackend(settings.backend, {threads: settings.threads});
  const step = await trainingStep(settings);
  await serveSteps(about, step);
}

main().catch(error => {
  console.error(error.message);
  process.exitCode = 2;
});
