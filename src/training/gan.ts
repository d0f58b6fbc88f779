import * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../gradients/register.js';
import type {Averaging} from '../losses/averaging.js';
import {localAveraging} from '../losses/averaging.js';
import type {GanLoss} from '../losses/gan-loss.js';
import {RelativisticAverageLoss} from '../losses/relativistic-average-loss.js';
import {applyGradients} from './apply-gradients.js';
import type {FitDatasetOptions, TrainingBatch, TrainOptions} from './fit-dataset.js';
import {fitDataset} from './fit-dataset.js';
import {allowsOnePass} from './inspect-critic.js';
import {onePassStep} from './one-pass-step.js';
import {separatePassesStep} from './separate-passes-step.js';
import type {CapturedStep, CaptureStatus} from './step-capture.js';
import {stepCapturer} from './step-capture.js';
import type {GeneratorLoss, Networks, Objective, StepResult} from './step.js';
import {requireBatch} from './validation.js';
import {trainableVariables} from './variables.js';
import {warmUpStep} from './warm-up-step.js';

/** How a batch's gradients are found: see `onePassStep` and `separatePassesStep`. */
export type Passes = 'auto' | 'one' | 'separate';

export interface GANCompileOptions {
  /** Updates the generator. Each network needs an optimizer of its own: Adam keeps its moments by position. */
  generatorOptimizer: tf.Optimizer;
  /** Updates the discriminator. */
  discriminatorOptimizer: tf.Optimizer;
  /** The adversarial loss. Default `new RelativisticAverageLoss()`. */
  loss?: GanLoss;
  /** What the adversarial loss is multiplied by in the generator's objective. Default 1; ESRGAN uses 0.005. */
  adversarialWeight?: number;
  /** Further losses of the generator, such as `l1Loss`. Default none. */
  generatorLosses?: GeneratorLoss[];
  /**
   * `'one'` takes both updates from one pass over the critic, which needs a critic with one logit per sample that does
   * not mix samples; `'separate'` works for any. Default `'auto'`: one where the critic's layers allow it.
   */
  passes?: Passes;
  /** Where the sums and counts of averages come from. Default the batch alone. */
  averaging?: Averaging;
  /**
   * Whether steps run captured where the backend can: TensorFlow in Node, see `captureStep` in `tfjs-ragan/node`. Default
   * true. Set it to false for generator losses that change with what JavaScript knows besides their arguments.
   */
  capture?: boolean;
  /** Receives the one line that says why steps do not run captured. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

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
 */
export class GAN {
  readonly generator: tf.LayersModel;
  readonly discriminator: tf.LayersModel;
  /** Set to true, by a callback say, to end `fitDataset` after the batch under way. */
  stopTraining = false;
  private compiled: Compiled | undefined;
  /** Captured steps, with and without the critic. */
  private readonly captured = new Map<boolean, Captured>();

  constructor({generator, discriminator}: Networks) {
    for (const [name, model] of Object.entries({generator, discriminator})) {
      if (!(model instanceof tf.LayersModel)) {
        throw new Error(
          `GAN: ${name} must be a tf.LayersModel (tf.model or tf.sequential), but it is ${typeof model}.`,
        );
      }
      if (model.inputs.length !== 1 || model.outputs.length !== 1) {
        throw new Error(
          `GAN: ${name} must have one input and one output, but it has ${model.inputs.length} and ${model.outputs.length}.`,
        );
      }
    }
    registerGradients();
    // A sequential model puts its layers together only when it is first used.
    for (const model of [generator, discriminator]) {
      if (model instanceof tf.Sequential && !model.built) model.build();
    }
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
   * @throws if an optimizer is missing or the two are the same, a weight is not a finite number, a generator loss has
   *   no name or another's, or `passes` is `'one'` for a critic that has not one logit per sample.
   */
  compile(options: GANCompileOptions): void {
    const {generatorOptimizer, discriminatorOptimizer, adversarialWeight = 1, generatorLosses = []} = options;
    const {loss = new RelativisticAverageLoss(), averaging = localAveraging, passes = 'auto', capture = true} = options;
    requireOptimizers(generatorOptimizer, discriminatorOptimizer);
    // Told by what it can do: a loss may come from another copy of this package.
    if (typeof (loss as Partial<GanLoss> | undefined)?.withGradients !== 'function') {
      throw new Error(
        `GAN.compile: loss must be a GanLoss, such as new RelativisticAverageLoss(), but it is ${typeof loss}.`,
      );
    }
    if (loss.reduction === tf.Reduction.NONE) {
      throw new Error('GAN.compile: loss must reduce to one number, but its reduction is NONE; use MEAN or SUM.');
    }
    requireWeights(adversarialWeight, generatorLosses);
    this.dispose();
    const perSample = allowsOnePass(this.discriminator);
    const oneLogit = this.discriminator.outputs[0]!.shape.slice(1).every(size => size === 1);
    if (!['auto', 'one', 'separate'].includes(passes)) {
      throw new Error(`GAN.compile: passes must be 'auto', 'one' or 'separate', but it is ${String(passes)}.`);
    }
    if (passes === 'one' && !oneLogit) {
      throw new Error(
        "GAN.compile: passes must be 'separate' for a discriminator that gives more than one logit per sample.",
      );
    }
    this.compiled = {
      objective: {loss, adversarialWeight, generatorLosses, averaging},
      generatorOptimizer,
      discriminatorOptimizer,
      passes: passes === 'auto' ? (perSample ? 'one' : 'separate') : passes,
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
   * @throws if the GAN is not compiled or the shapes do not fit, before any weight changes.
   */
  async trainOnBatch(xs: tf.Tensor, ys: tf.Tensor, options: TrainOptions = {}): Promise<Record<string, number>> {
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
   * them, and once an epoch for their means.
   *
   * @example
   * await gan.fitDataset(photoDataset('photos', {patch: 64, batch: 8}), {
   *   epochs: 10,
   *   batchesPerEpoch: 100,
   *   callbacks: {onEpochEnd: (epoch, logs) => console.log(epoch, logs)},
   * });
   */
  fitDataset(dataset: tf.data.Dataset<TrainingBatch>, options: FitDatasetOptions): Promise<tf.History> {
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
    requireBatch(this, xs, ys, adversarial);
    const captured = capture ? this.capturedStep(adversarial, xs, ys) : undefined;
    const step = captured ?? this.step(adversarial);
    return step(xs, ys);
  }

  /** The step as a function of the batch alone. */
  private step(adversarial: boolean): (xs: tf.Tensor, ys: tf.Tensor) => Losses {
    const {objective, generatorOptimizer, discriminatorOptimizer, passes} = this.requireCompiled('trainOnBatch');
    const step = adversarial ? (passes === 'one' ? onePassStep : separatePassesStep) : warmUpStep;
    return (xs, ys) => {
      const result: StepResult = step(this, objective, xs, ys);
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
    const {onWarning} = this.requireCompiled('trainOnBatch');
    const step = stepCapturer()?.(this.step(adversarial), {inputs: [xs, ys], ...(onWarning && {onWarning})});
    if (step) this.captured.set(adversarial, {step, variables});
    return step;
  }

  private requireCompiled(method: string): Compiled {
    if (!this.compiled) throw new Error(`GAN.${method}: call compile() first, with an optimizer for each network.`);
    return this.compiled;
  }
}

function requireOptimizers(generatorOptimizer: tf.Optimizer, discriminatorOptimizer: tf.Optimizer): void {
  for (const [name, optimizer] of Object.entries({generatorOptimizer, discriminatorOptimizer})) {
    if (typeof (optimizer as Partial<tf.Optimizer> | undefined)?.applyGradients !== 'function') {
      throw new Error(
        `GAN.compile: ${name} must be a tf.Optimizer, such as tf.train.adam(1e-4), but it is ${typeof optimizer}.`,
      );
    }
  }
  if (generatorOptimizer === discriminatorOptimizer) {
    throw new Error('GAN.compile: each network needs an optimizer of its own, but both are the same object.');
  }
}

function requireWeights(adversarialWeight: number, generatorLosses: GeneratorLoss[]): void {
  const names = new Set(['discriminatorLoss', 'generatorLoss']);
  if (!Number.isFinite(adversarialWeight)) {
    throw new Error(`GAN.compile: adversarialWeight must be a finite number, but it is ${adversarialWeight}.`);
  }
  for (const {name, weight, loss} of generatorLosses) {
    if (!name || names.has(name)) {
      throw new Error(
        `GAN.compile: generatorLosses need names of their own, but ${JSON.stringify(name)} is empty or taken.`,
      );
    }
    if (!Number.isFinite(weight) || typeof loss !== 'function') {
      throw new Error(`GAN.compile: generator loss '${name}' needs a finite weight and a loss function.`);
    }
    names.add(name);
  }
}
