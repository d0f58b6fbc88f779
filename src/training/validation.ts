import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {Penalty} from './penalties.js';
import type {GeneratorLoss, Networks, Objective} from './step.js';

type Shape = (number | null)[];

const text = (shape: Shape) => `[${shape.map(size => size ?? 'any').join(', ')}]`;
const fits = (shape: Shape, declared: Shape) =>
  shape.length === declared.length && shape.every((size, i) => declared[i] === null || size === declared[i]);

const GENERATOR_LOSS: OptionNames<GeneratorLoss> = {name: true, weight: true, loss: true};
const PENALTY: OptionNames<Penalty> = {name: true, weight: true, every: true, penalty: true};
const OBJECTIVE: OptionNames<Objective> = {
  loss: true,
  adversarialWeight: true,
  generatorLosses: true,
  penalties: true,
  averaging: true,
  lanes: true,
};

/** Refuses unknown members of generator losses. */
export function requireKnownGeneratorLosses(owner: string, generatorLosses: GeneratorLoss[]): void {
  for (const one of generatorLosses) requireKnownOptions(`${owner} generatorLosses`, one, GENERATOR_LOSS);
}

/** Refuses unknown members of penalties. */
export function requireKnownPenalties(owner: string, penalties: Penalty[]): void {
  for (const one of penalties) requireKnownOptions(`${owner} penalties`, one, PENALTY);
}

/** Refuses unknown members of an objective. */
export function requireKnownObjective(owner: string, objective: Objective): void {
  requireKnownOptions(owner, objective, OBJECTIVE);
  requireKnownGeneratorLosses(owner, objective.generatorLosses);
  requireKnownPenalties(owner, objective.penalties ?? []);
}

/** Refuses what are not two models with one input and one output each, and weights of their own. */
export function requireNetworks({generator, discriminator}: Networks): void {
  for (const [name, model] of Object.entries({generator, discriminator})) {
    if (!(model instanceof tf.LayersModel)) {
      throw new Error(
        looksLikeModel(model)
          ? `GAN: ${name} is a model of another copy of TensorFlow.js than the one that tfjs-ragan uses; npm ls @tensorflow/tfjs shows both, and npm dedupe, or the same version in every package.json, makes them one.`
          : `GAN: ${name} must be a tf.LayersModel (tf.model or tf.sequential), but it is ${typeof model}.`,
      );
    }
    if (model.inputs.length !== 1 || model.outputs.length !== 1) {
      throw new Error(
        `GAN: ${name} must have one input and one output, but it has ${model.inputs.length} and ${model.outputs.length}.`,
      );
    }
  }
}

/** Refuses networks with a weight in common: each network's losses move its own weights alone. */
export function requireWeightsOfTheirOwn({generator, discriminator}: Networks): void {
  const weights = new Set(generator.weights.map(weight => weight.read()));
  const shared = discriminator.weights.find(weight => weights.has(weight.read()));
  if (shared) {
    throw new Error(
      `GAN: generator and discriminator must have weights of their own, but they share ${shared.name}; give each its own layer.`,
    );
  }
}

function looksLikeModel(value: unknown): boolean {
  const {layers, getWeights, predict} = (value ?? {}) as Partial<tf.LayersModel>;
  return Array.isArray(layers) && typeof getWeights === 'function' && typeof predict === 'function';
}

/** Refuses to train networks of which one has nothing to train. */
export function requireTrainable({generator, discriminator}: Networks, adversarial: boolean): void {
  for (const [name, model] of Object.entries({generator, ...(adversarial && {discriminator})})) {
    if (model.trainableWeights.length === 0) {
      throw new Error(
        `GAN: the ${name} has no trainable weight; set trainable to true on it or on some of its layers.`,
      );
    }
  }
}

/** Refuses a batch that the networks cannot train on, before anything is computed. */
export function requireBatch(
  {generator, discriminator}: Networks,
  xs: tf.Tensor,
  ys: tf.Tensor,
  adversarial: boolean,
): void {
  for (const [name, batch] of Object.entries({xs, ys})) {
    if (!((batch as unknown) instanceof tf.Tensor)) {
      throw new Error(
        `GAN: ${name} must be a tf.Tensor, but it is ${Array.isArray(batch) ? 'an array' : typeof batch}.`,
      );
    }
    if (batch.dtype !== 'float32') {
      throw new Error(`GAN: ${name} must be of dtype float32, but it is ${batch.dtype}; convert it with .toFloat().`);
    }
    if (batch.rank === 0 || batch.size === 0) {
      throw new Error(`GAN: ${name} must be a batch of at least one sample, but its shape is ${text(batch.shape)}.`);
    }
  }
  if (xs.shape[0] !== ys.shape[0]) {
    throw new Error(`GAN: xs and ys must hold as many samples each, but they hold ${xs.shape[0]} and ${ys.shape[0]}.`);
  }
  const input = generator.inputs[0]!.shape;
  if (!fits(xs.shape, input)) {
    throw new Error(
      `GAN: xs must have the generator's input shape, ${text(input)}, but its shape is ${text(xs.shape)}.`,
    );
  }
  const output = generator.computeOutputShape(xs.shape) as Shape;
  if (!fits(ys.shape, output)) {
    throw new Error(
      `GAN: ys must have the shape of the generator's output for these xs, ${text(output)}, but its shape is ${text(ys.shape)}.`,
    );
  }
  const judged = discriminator.inputs[0]!.shape;
  if (adversarial && !fits(ys.shape, judged)) {
    throw new Error(
      `GAN: the discriminator judges samples of shape ${text(judged)}, but ys have the shape ${text(ys.shape)}; ` +
        'build it for that size, or cut the samples to its size.',
    );
  }
}
