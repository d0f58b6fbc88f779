import * as tf from '@tensorflow/tfjs';
import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {Penalty} from './penalties.js';
import type {GeneratorLoss, Networks, Objective} from './step.js';

const GENERATOR_LOSS: OptionNames<GeneratorLoss> = {name: true, weight: true, loss: true, warmUp: true};
const PENALTY: OptionNames<Penalty> = {name: true, weight: true, every: true, penalty: true};
const OBJECTIVE: OptionNames<Objective> = {
  loss: true,
  adversarialWeight: true,
  generatorLosses: true,
  penalties: true,
  averaging: true,
  lanes: true,
  recompute: true,
  observe: true,
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

/** Refuses what are not two models with one output each. */
export function requireNetworks({generator, discriminator}: Networks): void {
  for (const [name, model] of Object.entries({generator, discriminator})) {
    if (!(model instanceof tf.LayersModel)) {
      throw new Error(
        looksLikeModel(model)
          ? `GAN: ${name} is a model of another copy of TensorFlow.js than the one that tfjs-ragan uses; npm ls @tensorflow/tfjs shows both, and npm dedupe, or the same version in every package.json, makes them one.`
          : `GAN: ${name} must be a tf.LayersModel (tf.model or tf.sequential), but it is ${typeof model}.`,
      );
    }
    if (model.outputs.length !== 1) {
      throw new Error(`GAN: ${name} must have one output, but it has ${model.outputs.length}.`);
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
