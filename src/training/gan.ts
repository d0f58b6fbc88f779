import * as tf from '@tensorflow/tfjs';
import {registerGradients} from '../gradients/register.js';
import {requireKnownOptions} from '../options.js';
import type {GANCompileOptions, Passes} from './compile-options.js';
import type {FitDatasetOptions, StepsOfFit, TakenStep, TrainingBatch, TrainOptions} from './fit-dataset.js';
import type {Checkpointed} from './checkpoint.js';
import type {Compiled} from './compiled.js';
import {completeOptions} from './compiled.js';
import {drawing} from './drawing.js';
import type {Diagnostics} from './diagnostics.js';
import {Diagnosis} from './diagnostics.js';
import {fitDataset, requireTrainOptions} from './fit-dataset.js';
import {isPerSample, mixingLayer} from './inspect-critic.js';
import {setLearningRate} from './learning-rate.js';
import type {Inputs} from './inputs.js';
import {listOf} from './inputs.js';
import {requireNoise} from './instance-noise.js';
import {requireBatch} from './require-batch.js';
import type {RunPiece} from './pieces.js';
import {capturePieces} from './pieces.js';
import {PendingSteps} from './pending-steps.js';
import type {CheckNames} from './seen-step.js';
import {checkNames, seenStep, whatIsNotFinite} from './seen-step.js';
import {SkippedSteps} from './skipped-steps.js';
import type {CapturedCall, CaptureStatus} from './step-capture.js';
import {stepCapturer} from './step-capture.js';
import type {Networks} from './step.js';
import {warmUpLosses} from './step.js';
import type {StepKind, StepOutcome} from './update.js';
import {stepKind, takeCountsBack, updateOf} from './update.js';
import {requireNetworks, requireTrainable, requireWeightsOfTheirOwn} from './validation.js';
import {trainableVariables} from './variables.js';
import {WeightAverage} from './weight-average.js';

/**
 * A generator and a discriminator that train together.
 *
 * Both updates of a batch are taken at the same point: the gradients of both losses come from the weights before the
 * batch, then both optimizers step. No gradient of one network's loss reaches the other's weights.
 *
 * A step with a loss or a gradient that is NaN or infinite changes nothing: no weight, no state of an optimizer, no average.
 * `skippedSteps` counts them, and after ten in a row training stops.
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
 * @throws if a network is missing or not a `tf.LayersModel` with one output, or the two share a weight.
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
  /**
   * Batches trained on since `compile`: what learning rates, `discriminatorSteps`, penalties that are not part of every step,
   * instance noise and the random numbers of `seed` go by. Set it to go on where training stopped, after `skippedSteps`;
   * the average of the weights then counts as one of so many steps of the generator, without those that were left out.
   *
   * @throws if it is set to anything but a whole number of at least 0.
   */
  get step(): number {
    return this.stepsTaken;
  }
  set step(step: number) {
    requireCount('step', step);
    this.stepsTaken = step;
    const taken = Math.max(0, step - this.skippedSteps);
    this.average?.countFrom(Math.floor(taken / (this.compiled?.discriminatorSteps ?? 1)));
  }

  private stepsTaken = 0;
  private average: WeightAverage | undefined;
  /** What is done with the batch under way. */
  private kind: StepKind | undefined;
  private captured: CapturedCall<tf.Tensor[], StepOutcome> | undefined;
  /** The types of the tensors that it takes. */
  private capturedTypes = '';
  private skipped = new SkippedSteps(console.warn);
  private diagnosis: Diagnosis | undefined;
  private readonly pending = new PendingSteps();

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
    return this.captured?.status;
  }

  /**
   * Sets what training optimises and with which optimizers. May be called again, between two stages say; the weights
   * stay. What the networks' layers ask for themselves, by a `kernelRegularizer` say, is added to the objective of their
   * network, as in Keras; it is not in the logs.
   *
   * @throws if an option is unknown or out of range, an optimizer is missing or the two are the same, `loss` is no
   *   `GanLoss` or has the reduction NONE, a generator loss or penalty has no name or another's, `averaging` has no `total`,
   *   `passes` is `'one'` for a critic that has not one logit per sample or mixes samples, or `weightAverage` is set for a
   *   generator of layers that are not registered. What was compiled before then stays.
   */
  compile(options: GANCompileOptions): void {
    const compiled = completeOptions(options, this.discriminator);
    warnOfMixing(this, compiled);
    const kept = this.average?.isDisposed ? undefined : this.average;
    const average = compiled.averageDecay === undefined ? undefined : (kept ?? new WeightAverage(this.generator));
    this.dispose();
    if (average !== this.average) this.average?.forget();
    this.average = average;
    this.compiled = compiled;
    this.stepsTaken = 0;
    this.skipped = new SkippedSteps(compiled.onWarning ?? console.warn);
    this.diagnosis = new Diagnosis(compiled);
  }

  /**
   * The generator with the average of its weights, where `weightAverage` is set: what to take samples from. It is a model
   * of its own, which each step changes, also after another `compile` that sets `weightAverage`. Yours to dispose once
   * training is over.
   *
   * @throws if `compile` was not told to average.
   */
  get averagedGenerator(): tf.LayersModel {
    if (!this.average) {
      throw new Error(
        'GAN.averagedGenerator: there is no average; set weightAverage in compile(), {decay: 0.999} say.',
      );
    }
    return this.average.model;
  }

  /**
   * All tensors that training goes on from, which is what a checkpoint keeps: both networks, the average where there is one,
   * what the optimizers have accumulated. The rest are `counters`.
   *
   * @throws if the GAN is not compiled.
   */
  get trained(): Checkpointed {
    const {generator, discriminator, average} = this;
    const {optimizers} = this.requireCompiled('trained');
    return {
      models: {generator, discriminator, ...(average && {averagedGenerator: average.model})},
      optimizers: {generatorOptimizer: optimizers.generator, discriminatorOptimizer: optimizers.discriminator},
      variables: average ? {averagedSteps: average.steps} : {},
    };
  }

  /**
   * All numbers that training goes on from, by name: `step` and `skippedSteps`. Set it to what it was when training goes on elsewhere; names
   * that are missing stay as they are.
   */
  get counters(): Record<string, number> {
    return {step: this.stepsTaken, skippedSteps: this.skippedSteps};
  }
  set counters({step = this.stepsTaken, skippedSteps = this.skippedSteps}: Record<string, number>) {
    this.skippedSteps = skippedSteps;
    this.step = step;
  }

  /**
   * Steps since `compile` that changed nothing, since a loss or a gradient of theirs was not finite. Set it when training
   * goes on.
   *
   * @throws if it is set to anything but a whole number of at least 0.
   */
  get skippedSteps(): number {
    return this.skipped.count;
  }
  set skippedSteps(count: number) {
    requireCount('skippedSteps', count);
    this.skipped.count = count;
  }

  /**
   * What the last step tells of how the networks get on with each other: numbers and distributions by name, listed in
   * docs/training.md. It is of the last step with `diagnose: true`, or of `fitDataset` with a `GanCallback` that has
   * `onDiagnostics`; `speed/imagesPerSecond` is of the steps since the step of which it was asked for the
   * last time.
   *
   * @throws if the GAN is not compiled.
   * @example
   * await gan.trainOnBatch(lowResolution, highResolution, {diagnose: true});
   * const {scalars} = await gan.diagnostics();
   * console.log(scalars['logits/shareRight'], scalars['gradientNorm/generator']);
   */
  async diagnostics(): Promise<Diagnostics> {
    this.requireCompiled('diagnostics');
    return this.diagnosis!.get(this.skippedSteps);
  }

  /**
   * Frees what captured steps hold in TensorFlow's sessions; the weights and the optimizers' state come back first. The
   * networks and the optimizers stay, and are yours to dispose.
   */
  dispose(): void {
    this.forgetCaptured();
    this.diagnosis?.dispose();
    this.pending.forget();
  }

  /**
   * Trains both networks on one batch.
   *
   * @param xs the generator's input, `[batch, ...]`, or a list of its inputs; float32 unless the network declares otherwise.
   * @param ys the real samples, `[batch, ...]`, float32, of the generator's output shape.
   * @returns the losses before the update: `discriminatorLoss`, `generatorLoss` (the adversarial one, unweighted) and
   *   one entry per generator loss and penalty that the step has, unweighted; with `adversarial: false` only the generator
   *   losses.
   * @throws if the GAN is not compiled, an option is unknown, a network has no trainable weight, or `xs`, `ys` or
   *   the condition are not tensors of the shapes and types that the networks take, before any weight changes; a
   *   `NonFiniteStepsError` for the tenth step in a row that had a loss or a gradient that is not finite.
   */
  async trainOnBatch(xs: Inputs, ys: tf.Tensor, options: TrainOptions = {}): Promise<Record<string, number>> {
    requireTrainOptions('GAN.trainOnBatch', options);
    const {condition, ...how} = options;
    const {losses, taken} = this.takeStep({xs, ys, ...(condition && {condition})}, how);
    try {
      await this.settle();
      const entries = Object.entries(losses).map(async ([name, loss]) => [name, (await loss.data())[0]!] as const);
      return Object.fromEntries(await Promise.all(entries));
    } finally {
      tf.dispose([losses, taken]);
    }
  }

  /**
   * Trains on the batches of a dataset of `{xs, ys}`, or `{xs, ys, condition}`; see `trainOnBatch` for what they hold.
   *
   * Callbacks are those of `tf.LayersModel.fitDataset`; the model they see is the generator, and setting `stopTraining`
   * on it or on this GAN ends training after the batch under way. A `GanCallback` sees the GAN. Losses are read back only for callbacks that look at
   * them, and once an epoch for their means. `onYield` is called at most every 125 milliseconds, as by tfjs.
   *
   * @throws if the GAN is not compiled, an option or a callback is unknown, a count is not a whole number in its range, the
   *   dataset gives something other than `{xs, ys}` or ends within an epoch, and as `trainOnBatch`.
   * @example
   * await gan.fitDataset(photoDataset('photos', {patch: 64, batch: 8}), {
   *   epochs: 10,
   *   batchesPerEpoch: 100,
   *   callbacks: {onEpochEnd: (epoch, logs) => console.log(epoch, logs)},
   * });
   */
  async fitDataset(dataset: tf.data.Dataset<TrainingBatch>, options: FitDatasetOptions): Promise<tf.History> {
    this.requireCompiled('fitDataset');
    const steps: StepsOfFit = {
      take: async (batch, how) => {
        const step = this.takeStep(batch, how);
        try {
          if (this.pending.isFull) await this.settle();
          this.skipped.requireOneGood();
        } catch (error) {
          tf.dispose({...step});
          throw error;
        }
        return step;
      },
      settle: async allTaken => {
        if (!allTaken) return this.settle();
        this.pending.forget();
        this.skipped.good();
      },
    };
    return fitDataset(this, steps, dataset, options);
  }

  private takeStep(batch: TrainingBatch, {adversarial = true, diagnose = false}: TrainOptions): TakenStep {
    const compiled = this.requireCompiled('trainOnBatch');
    if (!adversarial && warmUpLosses(compiled.objective.generatorLosses).length === 0) {
      throw new Error(
        'GAN: adversarial: false needs generatorLosses in compile(), since nothing else trains the generator.',
      );
    }
    requireTrainable(this, adversarial);
    requireBatch(this, batch, adversarial);
    for (const network of ['generator', 'discriminator'] as const) {
      const schedule = compiled.learningRates[network];
      if (schedule) setLearningRate(compiled.optimizers[network], schedule(this.step));
    }
    const {instanceNoise} = compiled;
    const stddev = instanceNoise ? requireNoise(instanceNoise(this.step), this.step) : 0;
    const kind = stepKind(compiled, this.step, {adversarial, stddev, observes: diagnose});
    this.kind = kind;
    // An input, so that a captured step follows it.
    const noise = instanceNoise ? [tf.scalar(stddev)] : [];
    const tensors = [...noise, ...listOf(batch.xs), batch.ys, ...listOf(batch.condition)];
    let outcome: StepOutcome;
    try {
      const captured = compiled.capture ? this.capturedStep(compiled, tensors) : undefined;
      const take = () => (captured ?? this.stepOf(compiled))(...tensors);
      outcome = compiled.seed === undefined ? take() : drawing([compiled.seed, this.step], take);
    } finally {
      tf.dispose(noise);
    }
    const {losses, checks, taken, observed} = outcome;
    const step = ++this.stepsTaken;
    const names = () => checkNames(this, kind, Object.keys(losses));
    this.diagnosis!.add({samples: batch.ys.shape[0]});
    if (kind.observes) this.diagnosis!.keep({step, kind, names: names(), checks: tf.clone(checks), observed});
    if (taken) {
      // Until then a layer may be frozen.
      const ofNow = names();
      this.pending.add(checks, values => {
        if (!this.judge(values, () => ofNow, step)) takeCountsBack(compiled, kind);
      });
      return {losses, taken};
    }
    // The step decided by itself; what a session gives is in the processor's memory by now.
    const values = checks.dataSync<'float32'>();
    checks.dispose();
    return {losses, taken: this.judge(values, names, step)};
  }

  /** Counts a step as taken or left out. */
  private judge(checks: Float32Array, names: () => CheckNames, step: number): boolean {
    if (checks.every(Number.isFinite)) {
      this.skipped.good();
      return true;
    }
    const seen = seenStep(names(), checks);
    this.skipped.bad(whatIsNotFinite(names(), seen), step, seen.losses);
    return false;
  }

  /**
   * Reads what is not known yet of the steps that were taken.
   *
   * @throws a `NonFiniteStepsError` if the last ten were left out.
   */
  private async settle(): Promise<void> {
    await this.pending.settle();
    this.skipped.requireOneGood();
  }

  /** The step under way as a function of the noise's deviation, the generator's inputs, the real samples and the condition. */
  private stepOf(compiled: Compiled, lanes?: number, run?: RunPiece): (...tensors: tf.Tensor[]) => StepOutcome {
    const count = this.generator.inputs.length;
    return (...tensors) => {
      const stddev = compiled.instanceNoise && tensors.shift();
      const [xs, ys, condition] = [tensors.slice(0, count), tensors[count]!, tensors.slice(count + 1)];
      return updateOf(this, compiled, this.kind!, this.average, lanes, run)(xs, ys, condition, stddev);
    };
  }

  private capturedStep(compiled: Compiled, inputs: tf.Tensor[]): typeof this.captured {
    // A warm-up may come without the critic's condition.
    const types = inputs.map(({dtype}) => dtype).join();
    if (this.captured && types === this.capturedTypes) return this.captured;
    this.forgetCaptured();
    const capturer = stepCapturer();
    if (!capturer) return undefined;
    const {onWarning} = compiled;
    const lanes = [this.generator, this.discriminator].every(isPerSample) ? capturer.lanes : 1;
    // A layer that was frozen or freed in between makes another step.
    const dependsOn = () => {
      const {trains, penalties, isNoisy, observes} = this.kind!;
      return [
        trains,
        isNoisy,
        observes,
        ...penalties,
        ...[this.generator, this.discriminator].flatMap(trainableVariables),
      ];
    };
    const options = {dependsOn, ...(onWarning && {onWarning})};
    this.captured =
      compiled.microBatchSize === undefined
        ? capturer.capture(this.stepOf(compiled, lanes), {inputs, ...options})
        : capturePieces(capturer, run => this.stepOf(compiled, lanes, run), options);
    this.capturedTypes = types;
    return this.captured;
  }

  private forgetCaptured(): void {
    this.captured?.dispose();
    this.captured = undefined;
  }

  private requireCompiled(method: string): Compiled {
    if (!this.compiled) throw new Error(`GAN.${method}: call compile() first, with an optimizer for each network.`);
    return this.compiled;
  }
}

function requireCount(property: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new Error(`GAN.${property} must be a whole number of at least 0, but it is ${JSON.stringify(count)}.`);
}

/** Says that micro-batches of networks that mix samples do not give the numbers of the whole batch. */
function warnOfMixing(
  {generator, discriminator}: Networks,
  {microBatchSize, onWarning = console.warn}: Compiled,
): void {
  if (microBatchSize === undefined) return;
  for (const [name, network] of Object.entries({generator, discriminator})) {
    const layer = mixingLayer(network);
    if (!layer) continue;
    onWarning(
      `GAN.compile: with microBatchSize ${microBatchSize} the ${name}'s layer ${layer.name} (${layer.getClassName()}) mixes the ` +
        'samples of a micro-batch, not of the whole batch; layerNormalization, say, treats them one by one.',
    );
    return;
  }
}
