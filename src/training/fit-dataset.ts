import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {Callbacks} from './callbacks.js';
import {callbackList} from './callbacks.js';

/** A batch of a training dataset: the generator's input and the real samples. */
export interface TrainingBatch extends tf.TensorContainerObject {
  /** The generator's input, `[batch, ...]`, float32. */
  xs: tf.Tensor;
  /** The real samples, `[batch, ...]`, of the generator's output shape. */
  ys: tf.Tensor;
}

/** What a single step can be told. */
export interface TrainOptions {
  /** False leaves the critic out: the generator learns from the generator losses alone. Default true. */
  adversarial?: boolean;
}

const TRAIN_OPTIONS: OptionNames<TrainOptions> = {adversarial: true};

/** What `GAN.fitDataset` can be told, as `tf.LayersModel.fitDataset` can. */
export interface FitDatasetOptions extends TrainOptions {
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
  ...TRAIN_OPTIONS,
  epochs: true,
  batchesPerEpoch: true,
  initialEpoch: true,
  callbacks: true,
};

/** Refuses unknown options of a single step. */
export function requireTrainOptions(owner: string, options: TrainOptions): void {
  requireKnownOptions(owner, options, TRAIN_OPTIONS);
}

/** What the loop drives: see `GAN`. */
interface Trainee {
  readonly generator: tf.LayersModel;
  stopTraining: boolean;
}

type Losses = Record<string, tf.Scalar>;

/** The events of the page or process get a turn at least this often, in milliseconds. */
const YIELD_AFTER = 50;

/** `GAN.fitDataset`, over any function that trains on a batch and returns its losses. */
export async function fitDataset(
  trainee: Trainee,
  update: (xs: tf.Tensor, ys: tf.Tensor) => Losses,
  dataset: tf.data.Dataset<TrainingBatch>,
  options: FitDatasetOptions,
): Promise<tf.History> {
  requireKnownOptions('GAN.fitDataset', options, FIT_DATASET_OPTIONS);
  const {epochs, batchesPerEpoch, initialEpoch = 0} = options;
  requireCount('epochs', epochs, 1);
  requireCount('initialEpoch', initialEpoch, 0);
  if (batchesPerEpoch !== undefined) requireCount('batchesPerEpoch', batchesPerEpoch, 1);

  const history = new tf.History();
  const callbacks = callbackList(options.callbacks, history, trainee.generator);
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
  let lastYield = Date.now();

  await callbacks.onTrainBegin();
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
        const {xs, ys} = requireElement(next.value);
        const logs: Record<string, number | tf.Scalar> = {batch, size: xs.shape[0]};
        try {
          await callbacks.onBatchBegin(batch, logs);
          const losses = update(xs, ys);
          Object.assign(logs, losses);
          means.add(losses);
        } finally {
          tf.dispose(next.value);
        }
        try {
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
      await callbacks.onEpochEnd(epoch, await means.read());
    } finally {
      means.dispose();
    }
  }
  await callbacks.onTrainEnd();
  return history;
}

/** The element of a dataset as a batch; refuses any other. */
function requireElement(element: tf.TensorContainer): TrainingBatch {
  const {xs, ys} = (element ?? {}) as Partial<TrainingBatch>;
  if (xs instanceof tf.Tensor && ys instanceof tf.Tensor) return {xs, ys};
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

/** Sums scalars on the device and reads their means back once. */
class RunningMeans {
  private sums: Losses = {};
  private readonly counts: Record<string, number> = {};

  add(losses: Losses): void {
    for (const [name, loss] of Object.entries(losses)) {
      const previous = this.sums[name];
      this.sums[name] = previous ? tf.add(previous, loss) : tf.clone(loss);
      previous?.dispose();
      // Some are not part of every step.
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    }
  }

  async read(): Promise<Record<string, number>> {
    const entries = Object.entries(this.sums).map(
      async ([name, sum]) => [name, (await sum.data())[0]! / this.counts[name]!] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  dispose(): void {
    tf.dispose(this.sums);
  }
}
