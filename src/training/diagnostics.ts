import * as tf from '@tensorflow/tfjs';
import type {Compiled} from './compiled.js';
import type {Observed} from './observed.js';
import type {CheckNames, SeenStep} from './seen-step.js';
import {seenStep} from './seen-step.js';
import type {StepKind} from './update.js';

/** What the last step tells of a GAN: numbers and distributions by name, those that the step has; see `GAN.diagnostics`. */
export interface Diagnostics {
  /** The batches trained on up to it. */
  step: number;
  /** Numbers by name. */
  scalars: Record<string, number>;
  /** All values of a distribution, by its name. */
  histograms: Record<string, Float32Array>;
}

/** A step of which is told. */
export interface DiagnosedStep {
  /** Its number, from 1. */
  step: number;
  kind: StepKind;
  names: CheckNames;
  /** The outcome's, which is the `Diagnosis`'s to dispose. */
  checks: tf.Tensor;
  /** As well. */
  observed: Observed;
}

/** Puts together what a GAN's steps tell. */
export class Diagnosis {
  private last: DiagnosedStep | undefined;
  private images = 0;
  private made: Promise<Diagnostics> | undefined;
  private since: {images: number; time: number} | undefined;

  constructor(private readonly compiled: Compiled) {}

  /** Of any step. */
  add({samples}: {samples: number}): void {
    // From the end of the first step on, which may be slower than the others.
    this.since ??= {images: samples, time: performance.now()};
    this.images += samples;
  }

  /** Takes a step as the last of which is told. */
  keep(step: DiagnosedStep): void {
    this.dispose();
    this.last = step;
  }

  /** Of the last step; the same, however often it is asked for. */
  get(skippedSteps: number): Promise<Diagnostics> {
    if (!this.last) return Promise.resolve({step: 0, scalars: {}, histograms: {}});
    this.made ??= this.make(this.last, skippedSteps);
    return this.made;
  }

  /** Frees what there is of the last step, and forgets it. */
  dispose(): void {
    if (!this.made && this.last) free(this.last);
    this.last = this.made = undefined;
  }

  private async make(last: DiagnosedStep, skippedSteps: number): Promise<Diagnostics> {
    const {numTensors, numBytes} = tf.memory();
    const {step, kind, names} = last;
    const {checks, realLogits, fakeLogits, meanSquares, meanSamples} = await valuesOf(last);
    const seen = seenStep(names, checks);
    const scalars: Record<string, number> = {
      ...prefixed('loss', seen.losses),
      ...prefixed('weightedLoss', weighted(this.compiled, kind, seen)),
      ...prefixed('gradientNorm', mapValues(seen.halfSquares, normOf)),
      ...prefixed('learningRate', learningRates(this.compiled)),
      ...this.speed(),
      'memory/tensors': numTensors,
      'memory/tensorBytes': numBytes,
      'guard/skippedSteps': skippedSteps,
    };
    if (!realLogits || !fakeLogits || !meanSquares || !meanSamples) return {step, scalars, histograms: {}};
    const [real, fake] = [momentsOf(realLogits), momentsOf(fakeLogits)];
    Object.assign(scalars, {
      'logits/realMean': real.mean,
      'logits/realStd': real.std,
      'logits/fakeMean': fake.mean,
      'logits/fakeStd': fake.std,
      'logits/shareRight': shareRight(realLogits, fakeLogits),
      'samples/realSpread': spreadOf(meanSquares[0]!, meanSamples.subarray(0, meanSamples.length / 2)),
      'samples/fakeSpread': spreadOf(meanSquares[1]!, meanSamples.subarray(meanSamples.length / 2)),
    });
    return {step, scalars, histograms: {'logits/real': realLogits, 'logits/fake': fakeLogits}};
  }

  /** Over the steps since the last time. */
  private speed(): Record<string, number> {
    const now = {images: this.images, time: performance.now()};
    const {images, time} = this.since!;
    if (now.images === images) return {};
    this.since = now;
    return {'speed/imagesPerSecond': ((now.images - images) * 1000) / (now.time - time)};
  }
}

type Values = {checks: Float32Array} & Partial<Record<keyof Observed, Float32Array>>;

/** Reads a step's tensors and disposes of them. */
async function valuesOf(step: DiagnosedStep): Promise<Values> {
  const {checks, observed} = step;
  try {
    const reads = Object.entries({checks, ...observed}).map(
      async ([name, tensor]) => [name, (await tensor.data()).slice()] as const,
    );
    return Object.fromEntries(await Promise.all(reads)) as Values;
  } finally {
    free(step);
  }
}

function free({checks, observed}: DiagnosedStep): void {
  tf.dispose([checks, observed]);
}

/** The norm of all gradients together whose `halfSquares` these are. */
export function normOf(halves: number[]): number {
  return Math.sqrt(2 * halves.reduce((sum, half) => sum + half, 0));
}

/**
 * How much samples differ from each other: the root of the mean variance of a value over the batch, from their mean square and
 * their mean; 0 where it is too small beside them for float32 to tell.
 */
function spreadOf(meanSquare: number, mean: Float32Array): number {
  const variance = meanSquare - mean.reduce((sum, value) => sum + value ** 2, 0) / mean.length;
  // Of what is not finite it is NaN.
  return variance <= 1e-5 * meanSquare ? 0 : Math.sqrt(variance);
}

/** The share of the pairs of a real and a fake sample, the i-th of each, in which the real one has the larger logit. */
export function shareRight(real: Float32Array, fake: Float32Array): number {
  return real.reduce((count, logit, i) => count + Number(logit > fake[i]!), 0) / real.length;
}

/** Each loss as it enters the objective of its network. */
function weighted({objective}: Compiled, kind: StepKind, {losses}: SeenStep): Record<string, number> {
  const weights: Record<string, number> = {
    discriminatorLoss: 1,
    generatorLoss: objective.adversarialWeight,
    ...Object.fromEntries(objective.generatorLosses.map(({name, weight}) => [name, weight])),
    ...Object.fromEntries(kind.penalties.map(({name, weight, every}) => [name, weight * every])),
  };
  return Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, loss * weights[name]!]));
}

function momentsOf(values: Float32Array): {mean: number; std: number} {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)};
}

/** tfjs's optimizers have one, though not for everyone to see; others may have none. */
function learningRates({optimizers}: Compiled): Record<string, number> {
  const entries = Object.entries(optimizers).flatMap(([network, optimizer]) => {
    const {learningRate} = optimizer as unknown as {learningRate?: number};
    return learningRate === undefined ? [] : [[network, learningRate]];
  });
  return Object.fromEntries(entries) as Record<string, number>;
}

function mapValues<T, R>(record: Partial<Record<string, T>>, map: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value as T)]));
}

function prefixed(group: string, values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));
}
