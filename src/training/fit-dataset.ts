import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {Callbacks} from './callbacks.js';
import {callbackList} from './callbacks.js';
import type {GAN} from './gan.js';
import {ganCallbacks} from './gan-callback.js';
import type {Inputs} from './inputs.js';
import {MeansForCallbacks, RunningMeans} from './running-means.js';

/** A batch of a training dataset: what the generator is given, the real samples, and what the critic is given besides. */
export interface TrainingBatch extends tf.TensorContainerObject {
  /** The generator's input, `[batch, ...]`, or a list of its inputs; float32 unless the network declares otherwise. */
  xs: Inputs;
  /** The real samples, `[batch, ...]`, float32, of the generator's output shape. */
  ys: tf.Tensor;
  /** The critic's inputs after the sample: a tensor, `[batch, ...]`, or a list. None for a critic of samples alone. */
  condition?: Inputs;
}

/** What a single step can be told. */
export interface TrainOptions {
  /** False leaves the critic out: the generator learns from the generator losses alone. Default true. */
  adversarial?: boolean;
  /**
   * The critic's inputs after the sample, by which it judges real and fake samples alike: a tensor, `[batch, ...]`, or a
   * list. Default: none, for a critic of samples alone.
   */
  condition?: Inputs;
  /** Whether `GAN.diagnostics` then tells of the step. Default false. */
  diagnose?: boolean;
}

const TRAIN_OPTIONS: OptionNames<TrainOptions> = {adversarial: true, condition: true, diagnose: true};

/** What `GAN.fitDataset` can be told, as `tf.LayersModel.fitDataset` can. */
export interface FitDatasetOptions extends Pick<TrainOptions, 'adversarial'> {
  /** How many epochs there are, those before `initialEpoch` among them. */
  epochs: number;
  /** Batches in an epoch. Default: until the dataset ends. */
  batchesPerEpoch?: number;
  /** The number of the first epoch, from 0, when training goes on. Default 0. */
  initialEpoch?: number;
  /** What is called while it trains. Default: nothing. */
  callbacks?: Callbacks | Callbacks[];
}

const FIT_DATASET_OPTIONS: OptionNames<FitDatasetOptions> = {
  adversarial: true,
  epochs: true,
  batchesPerEpoch: true,
  initialEpoch: true,
  callbacks: true,
};

/** Refuses unknown options of a single step. */
export function requireTrainOptions(owner: string, options: TrainOptions): void {
  requireKnownOptions(owner, options, TRAIN_OPTIONS);
}

/** A step that was taken. */
export interface TakenStep {
  /** Yours to dispose. */
  losses: Record<string, tf.Scalar>;
  /**
   * Whether its losses and gradients are finite; if not, it changed nothing. Where only the device knows, a tensor, `[1]`, that
   * is yours to dispose.
   */
  taken: boolean | tf.Tensor;
}

/** How `fitDataset` trains. */
export interface StepsOfFit {
  take(batch: TrainingBatch, how: TrainOptions): Promise<TakenStep>;
  /**
   * Finds out what only the device knows.
   *
   * @param allTaken whether all steps since are known to have been taken.
   */
  settle(allTaken: boolean): Promise<void>;
}

/** The events of the page or process get a turn at least this often, in milliseconds. */
const YIELD_AFTER = 50;

/** `GAN.fitDataset`, over any function that trains on a batch and returns its losses. */
export async function fitDataset(
  trainee: GAN,
  steps: StepsOfFit,
  dataset: tf.data.Dataset<TrainingBatch>,
  options: FitDatasetOptions,
): Promise<tf.History> {
  requireKnownOptions('GAN.fitDataset', options, FIT_DATASET_OPTIONS);
  const {epochs, batchesPerEpoch, initialEpoch = 0, adversarial = true} = options;
  requireCount('epochs', epochs, 1);
  requireCount('initialEpoch', initialEpoch, 0);
  if (batchesPerEpoch !== undefined) requireCount('batchesPerEpoch', batchesPerEpoch, 1);

  const history = new tf.History();
  const callbacks = callbackList(options.callbacks, history, trainee.generator);
  const ours = ganCallbacks(callbacks.callbacks);
  for (const callback of ours) callback.setGan(trainee);
  const told = new MeansForCallbacks(trainee, ours);
  const how = {adversarial, diagnose: ours.some(one => one.logEvery > 0 && one.onDiagnostics !== undefined)};
  callbacks.setParams({
    epochs,
    initialEpoch,
    verbose: 0,
    ...(batchesPerEpoch === undefined ? {} : {steps: batchesPerEpoch}),
  });
  const stopped = () => trainee.stopTraining || trainee.generator.stopTraining;
  trainee.stopTraining = false;
  // tfjs's own callbacks stop training through the model they are given.
  trainee.generator.stopTraining = false;
  try {
    await callbacks.onTrainBegin();
    await trainEpochs();
    await told.tell({atEnd: true});
    await callbacks.onTrainEnd();
  } catch (error) {
    await steps.settle(false).catch(() => undefined);
    // What the last steps gave may say why.
    await told.tell({atEnd: true}).catch(() => undefined);
    throw error;
  } finally {
    told.dispose();
    for (const callback of ours) await callback.onClose?.();
  }
  return history;

  async function trainEpochs(): Promise<void> {
    let lastYield = Date.now();
    let iterator = await dataset.iterator();
    for (let epoch = initialEpoch; epoch < epochs && !stopped(); epoch++) {
      await callbacks.onEpochBegin(epoch);
      const means = new RunningMeans();
      try {
        for (let batch = 0; (batchesPerEpoch === undefined || batch < batchesPerEpoch) && !stopped(); batch++) {
          const next = await iterator.next();
          if (next.done) {
            if (batchesPerEpoch === undefined && batch > 0) iterator = await dataset.iterator();
            else if (batchesPerEpoch !== undefined || batch === 0) {
              throw new Error(
                `GAN.fitDataset: the dataset ended after ${batch} batches of epoch ${epoch}; lower batchesPerEpoch or use dataset.repeat().`,
              );
            }
            break;
          }
          const element = requireElement(next.value);
          const logs: Record<string, number | tf.Scalar> = {batch, size: element.ys.shape[0]};
          try {
            await callbacks.onBatchBegin(batch, logs);
            const {losses, taken} = await steps.take(element, how);
            Object.assign(logs, losses);
            means.add(losses, taken);
            told.add(losses, taken);
            tf.dispose(taken);
          } finally {
            tf.dispose(next.value);
          }
          try {
            await told.tell();
            // Callbacks that look at the logs replace the scalars by numbers; the others cost no read.
            await callbacks.onBatchEnd(batch, logs);
          } finally {
            tf.dispose(Object.values(logs).filter(value => value instanceof tf.Tensor));
          }
          if (Date.now() - lastYield > YIELD_AFTER) {
            await new Promise(resolve => setTimeout(resolve));
            lastYield = Date.now();
          }
        }
        const logs = await means.read();
        await steps.settle(means.allTaken);
        await callbacks.onEpochEnd(epoch, logs);
      } finally {
        means.dispose();
      }
    }
  }
}

/** The element of a dataset as a batch; refuses any other. */
function requireElement(element: tf.TensorContainer): TrainingBatch {
  const {xs, ys} = (element ?? {}) as Partial<TrainingBatch>;
  if ((xs instanceof tf.Tensor || Array.isArray(xs)) && ys instanceof tf.Tensor) return element as TrainingBatch;
  const isObject = typeof element === 'object' && !Array.isArray(element) && !(element instanceof tf.Tensor);
  const found = isObject
    ? `{${Object.keys(element).join(', ')}}`
    : Array.isArray(element)
      ? 'an array'
      : 'a single value';
  tf.dispose(element);
  throw new Error(
    `GAN.fitDataset: each element of the dataset must be {xs, ys}, a tensor each, but one is ${found}; ` +
      'make it so with dataset.map(([xs, ys]) => ({xs, ys})).',
  );
}

function requireCount(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`GAN.fitDataset: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
  }
}
