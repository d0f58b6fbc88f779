import * as tf from '@tensorflow/tfjs';
import type {GANCompileOptions, Objective, Step, StepResult, TrainingBatch} from 'tfjs-ragan';
import {
  criticStep,
  GAN,
  l1Loss,
  localAveraging,
  onePassStep,
  r1Penalty,
  RelativisticAverageLoss,
  separatePassesStep,
  StandardLoss,
  warmUpStep,
} from 'tfjs-ragan';
import {activateBackend, describeOnBackends} from '../support/backends.js';
import {conditionalBatch, conditionalNetworks} from '../support/conditional-gan.js';
import {batch as plainBatch, compiled as plainGan, weightsOf} from '../support/small-gan.js';
import {expectClose, valuesOf} from '../support/values.js';

const content = {name: 'content', weight: 2, loss: l1Loss};
const sgd = () => ({generatorOptimizer: tf.train.sgd(0.1), discriminatorOptimizer: tf.train.sgd(0.1)});

function compiled(options: Partial<GANCompileOptions> = {}) {
  const gan = new GAN(conditionalNetworks());
  gan.compile({...sgd(), generatorLosses: [content], ...options});
  return gan;
}
const allWeights = async (gan: GAN) => [...(await weightsOf(gan.generator)), ...(await weightsOf(gan.discriminator))];

describeOnBackends('networks of several inputs', backend => {
  const captures = backend === 'tensorflow';
  const objective: Objective = {
    loss: new RelativisticAverageLoss(),
    adversarialWeight: 0.3,
    generatorLosses: [content],
    penalties: [r1Penalty({gamma: 3})],
    averaging: localAveraging,
  };
  const numbers = async (tensors: tf.NamedTensorMap) =>
    (await Promise.all(Object.values(tensors).map(valuesOf))).flat();
  const all = ({losses, generatorGradients, discriminatorGradients}: StepResult) =>
    numbers({...losses, ...generatorGradients, ...discriminatorGradients});

  /** The same by the formulas. */
  function byFormula(
    nets: ReturnType<typeof conditionalNetworks>,
    {xs, ys, condition}: ReturnType<typeof conditionalBatch>,
  ) {
    const critic = (samples: tf.Tensor) => nets.discriminator.apply([samples, ...condition]) as tf.Tensor;
    const make = () => nets.generator.apply(xs) as tf.Tensor;
    const variables = (model: tf.LayersModel) => model.trainableWeights.map(weight => weight.read() as tf.Variable);
    const r1 = () => tf.sum(tf.square(tf.grad(x => tf.sum(critic(x)))(ys))).div<tf.Scalar>(ys.shape[0]);
    const fake = make();
    const {loss} = objective;
    const ofCritic = () => tf.add<tf.Scalar>(loss.discriminator(critic(ys), critic(fake)), r1().mul(1.5));
    const adversarial = () => loss.generator<tf.Scalar>(critic(ys), critic(make()));
    const ofGenerator = () => tf.add<tf.Scalar>(adversarial().mul(0.3), l1Loss(ys, make()).mul(2));
    return {
      losses: {
        discriminatorLoss: loss.discriminator(critic(ys), critic(fake)),
        generatorLoss: adversarial(),
        content: l1Loss(ys, fake),
        r1: r1(),
      },
      generatorGradients: tf.variableGrads(ofGenerator, variables(nets.generator)).grads,
      discriminatorGradients: tf.variableGrads(ofCritic, variables(nets.discriminator)).grads,
    };
  }

  test.each<[string, Step, (keyof StepResult)[]]>([
    ['one pass', onePassStep, ['generatorGradients', 'discriminatorGradients']],
    ['separate passes', separatePassesStep, ['generatorGradients', 'discriminatorGradients']],
    ['a step of the critic', criticStep, ['discriminatorGradients']],
  ])('have the losses and gradients of the formulas in %s', async (_, step, compared) => {
    const nets = conditionalNetworks();
    const data = conditionalBatch();
    const expected = byFormula(nets, data);
    const {numTensors} = tf.memory();
    for (const lanes of [1, 2, 3]) {
      const result = step(nets, {...objective, lanes}, data.xs, data.ys, data.condition);
      for (const name of Object.keys(result.losses)) {
        expectClose(await valuesOf(result.losses[name]!), await valuesOf(expected.losses[name as 'r1']));
      }
      // All together: where one is nearly zero its rounding is that of the others.
      for (const which of compared) {
        const gradients = expected[which as 'generatorGradients'];
        const names = Object.keys(gradients).sort();
        expect(Object.keys(result[which]).sort()).toEqual(names);
        const sorted = (map: tf.NamedTensorMap) => numbers(Object.fromEntries(names.map(name => [name, map[name]!])));
        expectClose(await sorted(result[which]), await sorted(gradients));
      }
      tf.dispose([result.losses, result.generatorGradients, result.discriminatorGradients]);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('warm up without the critic and its condition', async () => {
    const nets = conditionalNetworks();
    const {xs, ys} = conditionalBatch();
    const plain = await all(warmUpStep(nets, objective, xs, ys));
    expectClose(await all(warmUpStep(nets, {...objective, lanes: 3}, xs, ys)), plain, 1e-6);
  });

  test('train in every kind of step, the same captured as not, and leak nothing', async () => {
    const {xs, ys, condition} = conditionalBatch();
    const train = async (capture: boolean) => {
      const options = {discriminatorSteps: 2, penalties: [r1Penalty({gamma: 1, every: 3})]};
      const gan = compiled({...options, weightAverage: {decay: 0.9}, capture});
      let numTensors = 0;
      for (let i = 0; i < 18; i++) {
        if (i === 12) ({numTensors} = tf.memory());
        await gan.trainOnBatch(xs, ys, {condition});
      }
      expect(tf.memory().numTensors).toBe(numTensors);
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      // A warm-up takes the condition or does without it.
      for (let i = 0; i < 3; i++) await gan.trainOnBatch(xs, ys, {condition, adversarial: false});
      for (let i = 0; i < 3; i++) await gan.trainOnBatch(xs, ys, {adversarial: false});
      const weights = [...(await allWeights(gan)), ...(await weightsOf(gan.averagedGenerator))].flat();
      gan.dispose();
      return weights;
    };
    expectClose(await train(captures), await train(false), 1e-4);
  });

  test('come out of a dataset, in lists', async () => {
    const {xs, ys, condition} = conditionalBatch();
    const [stepped, fitted] = [compiled({capture: false}), compiled({capture: false})];
    await stepped.trainOnBatch(xs, ys, {condition});
    await stepped.trainOnBatch(xs, ys, {condition});
    const elements = tf.data.array([0, 1]).map(() => ({...conditionalBatch()})) as tf.data.Dataset<TrainingBatch>;
    const {numTensors} = tf.memory();
    const {history} = await fitted.fitDataset(elements, {
      epochs: 1,
      callbacks: {onBatchEnd: (_, logs) => void expect(logs!.size).toBe(7)},
    });
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(history.generatorLoss).toHaveLength(1);
    expect(await allWeights(fitted)).toEqual(await allWeights(stepped));
  });

  test('a class-conditional GAN learns what each class looks like', async () => {
    const {concatenate, dense, embedding, flatten, leakyReLU} = tf.layers;
    const kernel = (seed: number) => ({kernelInitializer: tf.initializers.glorotNormal({seed})});
    const classOf = (name: string) => tf.input({shape: [1], name, dtype: 'int32'});
    const embedded = (label: tf.SymbolicTensor, seed: number) => {
      const embeddingsInitializer = tf.initializers.randomNormal({stddev: 1, seed});
      return flatten().apply(
        embedding({inputDim: 2, outputDim: 4, embeddingsInitializer}).apply(label),
      ) as tf.SymbolicTensor;
    };
    const hidden = (inputs: tf.SymbolicTensor[], units: number, seed: number) =>
      dense({units, ...kernel(seed)}).apply(
        leakyReLU({alpha: 0.2}).apply(dense({units: 16, ...kernel(seed + 1)}).apply(concatenate().apply(inputs))),
      ) as tf.SymbolicTensor;
    const [latent, sample] = [tf.input({shape: [2]}), tf.input({shape: [1]})];
    const [made, judged] = [classOf('made'), classOf('judged')];
    const gan = new GAN({
      generator: tf.model({inputs: [latent, made], outputs: hidden([latent, embedded(made, 1)], 1, 2)}),
      discriminator: tf.model({inputs: [sample, judged], outputs: hidden([sample, embedded(judged, 4)], 1, 5)}),
    });
    gan.compile({
      generatorOptimizer: tf.train.adam(5e-3, 0),
      discriminatorOptimizer: tf.train.adam(1e-2, 0),
      loss: new StandardLoss(),
      penalties: [r1Penalty({gamma: 0.3})],
    });
    expect(gan.passes).toBe('one');
    const labels = tf.tensor2d(
      Array.from({length: 32}, (_, i) => [i % 2]),
      [32, 1],
      'int32',
    );
    // Class 0 is about -1, class 1 about 1.
    const means = labels.toFloat().mul(2).sub(1);
    for (let step = 0; step < 150; step++) {
      const latents = tf.randomNormal([32, 2], 0, 1, 'float32', step + 1);
      const ys = tf.tidy(() => tf.add(means, tf.randomNormal([32, 1], 0, 0.2, 'float32', 1000 + step)));
      await gan.trainOnBatch([latents, labels], ys, {condition: labels});
      tf.dispose([latents, ys]);
    }
    const fakes = await valuesOf(
      gan.generator.predict([tf.randomNormal([32, 2], 0, 1, 'float32', 7), labels]) as tf.Tensor,
    );
    const mean = (which: number) => fakes.filter((_, i) => i % 2 === which).reduce((sum, value) => sum + value) / 16;
    expect(mean(0)).toBeLessThan(-0.5);
    expect(mean(1)).toBeGreaterThan(0.5);
    gan.dispose();
  });

  test('pix2pix: a critic of patches sees input and output', async () => {
    const image = tf.input({shape: [8, 8, 1], name: 'image'});
    const sample = tf.input({shape: [8, 8, 3], name: 'sample'});
    const edges = tf.input({shape: [8, 8, 1], name: 'edges'});
    const {concatenate, conv2d} = tf.layers;
    const same = {padding: 'same', kernelSize: 3, kernelInitializer: tf.initializers.glorotNormal({seed: 3})} as const;
    const patches = tf.sequential({
      layers: [
        conv2d({filters: 4, strides: 2, inputShape: [8, 8, 4], activation: 'relu', ...same}),
        conv2d({filters: 1, ...same}),
      ],
    });
    const train = async (capture: boolean) => {
      const gan = new GAN({
        generator: tf.model({
          inputs: image,
          outputs: conv2d({filters: 3, ...same}).apply(
            conv2d({filters: 4, activation: 'relu', ...same}).apply(image),
          ) as tf.SymbolicTensor,
        }),
        discriminator: tf.model({
          inputs: [sample, edges],
          outputs: patches.apply(concatenate().apply([sample, edges])) as tf.SymbolicTensor,
        }),
      });
      gan.compile({
        ...sgd(),
        loss: new StandardLoss(),
        adversarialWeight: 0.1,
        generatorLosses: [{name: 'l1', weight: 1, loss: l1Loss}],
        capture,
      });
      expect(gan.passes).toBe('separate');
      const xs = tf.randomUniform([4, 8, 8, 1], 0, 1, 'float32', 1);
      const ys = tf.concat([xs, tf.sub(1, xs), tf.square(xs)], 3);
      // One tensor is the input of both.
      const before = (await gan.trainOnBatch(xs, ys, {condition: xs})).l1!;
      for (let i = 0; i < 20; i++) await gan.trainOnBatch(xs, ys, {condition: xs});
      const after = (await gan.trainOnBatch(xs, ys, {condition: xs})).l1!;
      if (capture) expect(gan.captureStatus?.state).toBe('captured');
      gan.dispose();
      return [before, after];
    };
    const [before, after] = await train(captures);
    expect(after!).toBeLessThan(0.8 * before!);
  });
});

describe('refusals of several inputs', () => {
  beforeAll(() => activateBackend('cpu'));
  const step = (change: (data: ReturnType<typeof conditionalBatch>) => Partial<TrainingBatch>, adversarial = true) => {
    const data: TrainingBatch = {...conditionalBatch(6), ...change(conditionalBatch(6))};
    return compiled().trainOnBatch(data.xs, data.ys, {...(data.condition && {condition: data.condition}), adversarial});
  };
  const none = undefined as unknown as tf.Tensor;
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'too few inputs',
      () => step(({xs}) => ({xs: xs[0]!})),
      "xs must hold a tensor for each of the generator's 2 inputs, `latent`, `label`, but it holds 1",
    ],
    [
      'shape of an input',
      () => step(({xs}) => ({xs: [xs[0]!, tf.ones([6, 5])]})),
      'generator input 1 `label` is [6, 5], expected [any, 3]',
    ],
    [
      'samples of an input',
      () => step(({xs}) => ({xs: [xs[0]!, tf.ones([5, 3])]})),
      '1 `label` and 0 `latent` must hold as many samples each, but they hold 5 and 6',
    ],
    [
      'samples of all inputs',
      () => step(() => ({xs: conditionalBatch(5).xs})),
      'xs, 0 `latent`, and ys must hold as many samples each, but they hold 5 and 6',
    ],
    [
      'dtype of an input',
      () => step(({xs}) => ({xs: [xs[0]!, xs[1]!.toInt()]})),
      'generator input 1 `label` must be of dtype float32, but it is int32; convert it with .toFloat()',
    ],
    [
      'no tensor',
      () => step(({xs}) => ({xs: [xs[0]!, none]})),
      'generator input 1 `label` must be a tf.Tensor, but it is undefined',
    ],
    [
      'no condition',
      () => step(() => ({condition: none})),
      'condition must hold a tensor for each input of the discriminator after the sample, `judgedLabel`, `shift`, but there is none',
    ],
    [
      'too little condition',
      () => step(({condition}) => ({condition: condition[0]!})),
      '`judgedLabel`, `shift`, but it holds 1',
    ],
    [
      'shape of the condition',
      () => step(({condition}) => ({condition: [condition[0]!, tf.ones([6, 2])]})),
      'discriminator input 2 `shift` is [6, 2], expected [any, 1]',
    ],
    [
      'samples of the condition',
      () => step(({condition}) => ({condition: [condition[0]!, tf.ones([1, 1])]})),
      'condition, 2 `shift`, and ys must hold as many samples each, but they hold 1 and 6',
    ],
    [
      'a condition that is not used by a warm-up',
      () => step(({condition}) => ({condition: [condition[0]!, tf.ones([6, 2])]}), false),
      'discriminator input 2 `shift` is [6, 2], expected [any, 1]',
    ],
    [
      'condition not expected',
      () => plainGan().trainOnBatch(plainBatch().xs, plainBatch().ys, {condition: tf.ones([8, 1])}),
      'condition is not expected, since the discriminator has no input but the sample',
    ],
    [
      'two outputs',
      () => {
        const image = tf.input({shape: [2]});
        const outputs = [1, 2].map(units => tf.layers.dense({units}).apply(image) as tf.SymbolicTensor);
        return Promise.resolve().then(
          () => new GAN({...conditionalNetworks(), generator: tf.model({inputs: image, outputs})}),
        );
      },
      'generator must have one output, but it has 2',
    ],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });

  test('change no weight and leak nothing', async () => {
    const gan = compiled();
    const {xs, ys, condition} = conditionalBatch();
    const [before, {numTensors}] = [await allWeights(gan), tf.memory()];
    await expect(gan.trainOnBatch(xs, ys)).rejects.toThrow('condition');
    await expect(gan.trainOnBatch(xs[0]!, ys, {condition})).rejects.toThrow('xs must hold');
    expect(await allWeights(gan)).toEqual(before);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
