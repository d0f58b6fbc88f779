import * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../gradients/register.js';
import {localAveraging} from '../losses/averaging.js';
import {RelativisticAverageLoss} from '../losses/relativistic-average-loss.js';
import {requireKnownOptions} from '../options.js';
import {applyGradients} from './apply-gradients.js';
import type {GANCompileOptions, Passes} from './compile-options.js';
import type {FitDatasetOptions, TrainingBatch, TrainOptions} from './fit-dataset.js';
import {requireCompileOptions, requireOptions} from './compile-options.js';
import {fitDataset, requireTrainOptions} from './fit-dataset.js';
import {allowsOnePass, isPerSample} from './inspect-critic.js';
import {onePassStep} from './one-pass-step.js';
import {separatePassesStep} from './separate-passes-step.js';
import type {CapturedStep, CaptureStatus} from './step-capture.js';
import {stepCapturer} from './step-capture.js';
import type {Networks, Objective, StepResult} from './step.js';
import {requireBatch, requireNetworks, requireTrainable, requireWeightsOfTheirOwn} from './validation.js';
import {trainableVariables} from './variables.js';
import {warmUpStep} from './warm-up-step.js';

interface Compiled {
  objective: Objective;
  generatorOptimizer: tf.Optimizer;
  discriminatorOptimizer: tf.Optimizer;
  passes: Exclude<Passes, 'auto'>;
  capture: boolean;
  onWarning: ((message: string) => void) | undefined;
}

type Losses = Record<string, tf.Scalar>;

/** A step as it is captured: for the same networks in the same state. */
interface Captured {
  step: CapturedStep<[tf.Tensor, tf.Tensor], Losses>;
  /** The weights that were trainable when it was made. */
  variables: tf.Variable[];
}

/**
 * A generator and a discriminator that train together.
 *
 * Both updates of a batch are taken at the same point: the gradients of both losses come from the weights before the
 * batch, then both optimizers step. No gradient of one network's loss reaches the other's weights.
 *
 * @example
 * const gan = new GAN({generator: esrganGenerator(), discriminator: vggDiscriminator()});
 * gan.compile({
 *   generatorOptimizer: tf.train.adam(1e-4),
 *   discriminatorOptimizer: tf.train.adam(1e-4),
 *   adversarialWeight: 5e-3,
 *   generatorLosses: [{name: 'content', weight: 1, loss: l1Loss}],
 * });
 * const losses = await gan.trainOnBatch(lowResolution, highResolution);
 * console.log(losses.discriminatorLoss, losses.generatorLoss, losses.content);
 *
 * @throws if a network is missing or not a `tf.LayersModel` with one input and one output, or the two share a weight.
 *
 * Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661
 */
export class GAN {
  /** Makes samples from the dataset's `xs`. Yours to dispose. */
  readonly generator: tf.LayersModel;
  /** The critic: gives samples logits, without a sigmoid. Yours to dispose. */
  readonly discriminator: tf.LayersModel;
  /** Set to true, by a callback say, to end `fitDataset` after the batch under way. */
  stopTraining = false;
  private compiled: Compiled | undefined;
  /** Captured steps, with and without the critic. */
  private readonly captured = new Map<boolean, Captured>();

  constructor(networks: Networks) {
    requireKnownOptions('GAN', networks, {generator: true, discriminator: true});
    const {generator, discriminator} = networks;
    requireNetworks(networks);
    registerGradients();
    // A sequential model puts its layers together only when it is first used.
    for (const model of [generator, discriminator]) {
      if (model instanceof tf.Sequential && !model.built) model.build();
    }
    requireWeightsOfTheirOwn(networks);
    this.generator = generator;
    this.discriminator = discriminator;
  }

  /** How each batch's gradients are found, as chosen by `compile`. */
  get passes(): Exclude<Passes, 'auto'> {
    return this.requireCompiled('passes').passes;
  }

  /** Whether the steps run captured; undefined before the first one and where steps are not captured. */
  get captureStatus(): CaptureStatus | undefined {
    return (this.captured.get(true) ?? this.captured.get(false))?.step.status;
  }

  /**
   * Sets what training optimises and with which optimizers. May be called again, between two stages say; the weights
   * stay. What the networks' layers ask for themselves, by a `kernelRegularizer` say, is added to the objective of their
   * network, as in Keras; it is not in the logs.
   *
   * @throws if an option is unknown, an optimizer is missing or the two are the same, `loss` is no `GanLoss` or has the reduction NONE, a
   *   weight is not a finite number, a generator loss has no name or another's, `averaging` has no `total`, or `passes`
   *   is unknown, or `'one'` for a critic that has not one logit per sample or
   *   mixes samples. What was compiled before then stays.
   */
  compile(options: GANCompileOptions): void {
    requireCompileOptions(options);
    const {generatorOptimizer, discriminatorOptimizer, adversarialWeight = 1, generatorLosses = []} = options;
    const {loss = new RelativisticAverageLoss(), averaging = localAveraging, passes = 'auto', capture = true} = options;
    requireOptions({...options, loss, adversarialWeight, generatorLosses, averaging, passes}, this.discriminator);
    this.dispose();
    this.compiled = {
      objective: {loss, adversarialWeight, generatorLosses, averaging},
      generatorOptimizer,
      discriminatorOptimizer,
      passes: passes === 'auto' ? (allowsOnePass(this.discriminator) ? 'one' : 'separate') : passes,
      capture,
      onWarning: options.onWarning,
    };
  }

  /**
   * Frees what captured steps hold in TensorFlow's sessions; the weights and the optimizers' state come back first. The
   * networks and the optimizers stay, and are yours to dispose.
   */
  dispose(): void {
    for (const {step} of this.captured.values()) step.dispose();
    this.captured.clear();
  }

  /**
   * Trains both networks on one batch.
   *
   * @param xs the generator's input, `[batch, ...]`, float32.
   * @param ys the real samples, `[batch, ...]`, of the generator's output shape.
   * @returns the losses before the update: `discriminatorLoss`, `generatorLoss` (the adversarial one, unweighted) and
   *   one entry per generator loss, unweighted; with `adversarial: false` only the latter.
   * @throws if the GAN is not compiled, an option is unknown, a network has no trainable weight, `xs` or `ys` are no float32 tensors or their
   *   shapes do not fit, before any weight changes.
   */
  async trainOnBatch(xs: tf.Tensor, ys: tf.Tensor, options: TrainOptions = {}): Promise<Record<string, number>> {
    requireTrainOptions('GAN.trainOnBatch', options);
    const losses = this.update(xs, ys, options);
    try {
      const entries = Object.entries(losses).map(async ([name, loss]) => [name, (await loss.data())[0]!] as const);
      return Object.fromEntries(await Promise.all(entries));
    } finally {
      tf.dispose(losses);
    }
  }

  /**
   * Trains on the batches of a dataset of `{xs, ys}`; see `trainOnBatch` for what they hold.
   *
   * Callbacks are those of `tf.LayersModel.fitDataset`; the model they see is the generator, and setting `stopTraining`
   * on it or on this GAN ends training after the batch under way. Losses are read back only for callbacks that look at
   * them, and once an epoch for their means. `onYield` is called at most every 125 milliseconds, as by tfjs.
   *
   * @throws if the GAN is not compiled, an option or a callback is unknown, a count is not a whole number in its range, the dataset gives something other
   *   than `{xs, ys}` or ends within an epoch, and as `trainOnBatch`.
   * @example
   * await gan.fitDataset(photoDataset('photos', {patch: 64, batch: 8}), {
   *   epochs: 10,
   *   batchesPerEpoch: 100,
   *   callbacks: {onEpochEnd: (epoch, logs) => console.log(epoch, logs)},
   * });
   */
  async fitDataset(dataset: tf.data.Dataset<TrainingBatch>, options: FitDatasetOptions): Promise<tf.History> {
    this.requireCompiled('fitDataset');
    return fitDataset(this, (xs, ys) => this.update(xs, ys, options), dataset, options);
  }

  private update(xs: tf.Tensor, ys: tf.Tensor, {adversarial = true}: TrainOptions): Losses {
    const {objective, capture} = this.requireCompiled('trainOnBatch');
    if (!adversarial && objective.generatorLosses.length === 0) {
      throw new Error(
        'GAN: adversarial: false needs generatorLosses in compile(), since nothing else trains the generator.',
      );
    }
    requireTrainable(this, adversarial);
    requireBatch(this, xs, ys, adversarial);
    const captured = capture ? this.capturedStep(adversarial, xs, ys) : undefined;
    const step = captured ?? this.step(adversarial);
    return step(xs, ys);
  }

  /** The step as a function of the batch alone. */
  private step(adversarial: boolean, lanes = 1): (xs: tf.Tensor, ys: tf.Tensor) => Losses {
    const {objective, generatorOptimizer, discriminatorOptimizer, passes} = this.requireCompiled('trainOnBatch');
    const step = adversarial ? (passes === 'one' ? onePassStep : separatePassesStep) : warmUpStep;
    return (xs, ys) => {
      const result: StepResult = step(this, {...objective, lanes}, xs, ys);
      applyGradients(generatorOptimizer, result.generatorGradients);
      if (adversarial) applyGradients(discriminatorOptimizer, result.discriminatorGradients);
      tf.dispose([result.generatorGradients, result.discriminatorGradients]);
      return result.losses;
    };
  }

  private capturedStep(adversarial: boolean, xs: tf.Tensor, ys: tf.Tensor): Captured['step'] | undefined {
    const variables = [this.generator, this.discriminator].flatMap(trainableVariables);
    const before = this.captured.get(adversarial);
    // A layer that was frozen or freed in between makes another step.
    if (before?.variables.length === variables.length && before.variables.every((one, i) => one === variables[i])) {
      return before.step;
    }
    before?.step.dispose();
    const capturer = stepCapturer();
    if (!capturer) return undefined;
    const {onWarning} = this.requireCompiled('trainOnBatch');
    const lanes = [this.generator, this.discriminator].every(isPerSample) ? capturer.lanes : 1;
    const step = capturer.capture(this.step(adversarial, lanes), {inputs: [xs, ys], ...(onWarning && {onWarning})});
    this.captured.set(adversarial, {step, variables});
    return step;
  }

  private requireCompiled(method: string): Compiled {
    if (!this.compiled) throw new Error(`GAN.${method}: call compile() first, with an optimizer for each network.`);
    return this.compiled;
  }
}
