import * as tf from '@tensorflow/tfjs';
import type {TrainingBatch} from './fit-dataset.js';
import type {Inputs} from './inputs.js';
import {listOf} from './inputs.js';
import type {Networks} from './step.js';

type Shape = (number | null)[];

const text = (shape: Shape) => `[${shape.map(size => size ?? 'any').join(', ')}]`;
const fits = (shape: Shape, declared: Shape) =>
  shape.length === declared.length && shape.every((size, i) => declared[i] === null || size === declared[i]);

/** Refuses a batch that the networks cannot train on, before anything is computed. */
export function requireBatch(networks: Networks, {xs, ys, condition}: TrainingBatch, adversarial: boolean): void {
  const {generator, discriminator} = networks;
  requireGeneratorInputs(generator, xs);
  requireSamples('ys', ys, 'float32');
  requireAsMany(Array.isArray(xs) && xs.length > 1 ? `xs, ${inputName(generator, 0)},` : 'xs', listOf(xs)[0]!, ys);
  const shapes = listOf(xs).map(x => x.shape);
  const output = generator.computeOutputShape(shapes.length === 1 ? shapes[0]! : shapes) as Shape;
  if (!fits(ys.shape, output)) {
    throw new Error(
      `GAN: ys must have the shape of the generator's output for these xs, ${text(output)}, but its shape is ${text(ys.shape)}.`,
    );
  }
  // A warm-up leaves the critic out, and may bring its condition along.
  if (!adversarial && condition === undefined) return;
  requireCondition(discriminator, condition, ys);
  const judged = discriminator.inputs[0]!.shape;
  if (adversarial && !fits(ys.shape, judged)) {
    throw new Error(
      `GAN: the discriminator judges samples of shape ${text(judged)}, but ys have the shape ${text(ys.shape)}; ` +
        'build it for that size, or cut the samples to its size.',
    );
  }
}

function requireGeneratorInputs(generator: tf.LayersModel, xs: Inputs): void {
  const {inputs} = generator;
  if (inputs.length === 1 && !(Array.isArray(xs) && xs.length === 1)) {
    requireSamples('xs', xs, inputs[0]!.dtype);
    const [{shape}] = inputs as [tf.SymbolicTensor];
    if (!fits(xs.shape, shape)) {
      throw new Error(
        `GAN: xs must have the generator's input shape, ${text(shape)}, but its shape is ${text(xs.shape)}.`,
      );
    }
    return;
  }
  const given = Array.isArray(xs) ? xs : [xs];
  if (given.length !== inputs.length) {
    throw new Error(
      `GAN: xs must hold a tensor for each of the generator's ${inputs.length} inputs, ${namesOf(generator, 0)}, but it holds ${given.length}.`,
    );
  }
  inputs.forEach((_, i) => requireInput('generator', generator, i, given[i]));
  given
    .slice(1)
    .forEach((one, i) => requireAsMany(inputName(generator, i + 1), one, given[0]!, inputName(generator, 0)));
}

/** The critic's inputs after the first, which is the sample. */
function requireCondition(discriminator: tf.LayersModel, condition: Inputs | undefined, ys: tf.Tensor): void {
  const expected = discriminator.inputs.length - 1;
  const given = Array.isArray(condition) ? condition : condition === undefined ? [] : [condition];
  if (given.length !== expected) {
    const found = condition === undefined ? 'there is none' : `it holds ${given.length}`;
    throw new Error(
      expected === 0
        ? 'GAN: condition is not expected, since the discriminator has no input but the sample; leave it out, or build a discriminator that takes it as a second input.'
        : `GAN: condition must hold a tensor for each input of the discriminator after the sample, ${namesOf(discriminator, 1)}, but ${found}.`,
    );
  }
  given.forEach((one, i) => {
    requireInput('discriminator', discriminator, i + 1, one);
    requireAsMany(`condition, ${inputName(discriminator, i + 1)},`, one, ys);
  });
}

function requireInput(network: keyof Networks, model: tf.LayersModel, input: number, given: unknown): void {
  const {shape, dtype} = model.inputs[input]!;
  const name = `${network} input ${inputName(model, input)}`;
  requireSamples(name, given, dtype);
  if (!fits(given.shape, shape)) {
    throw new Error(`GAN: ${name} is ${text(given.shape)}, expected ${text(shape)}.`);
  }
}

function requireSamples(name: string, batch: unknown, dtype: tf.DataType): asserts batch is tf.Tensor {
  if (!(batch instanceof tf.Tensor)) {
    throw new Error(`GAN: ${name} must be a tf.Tensor, but it is ${Array.isArray(batch) ? 'an array' : typeof batch}.`);
  }
  const tensor = batch as tf.Tensor;
  if (tensor.dtype !== dtype) {
    const convert = dtype === 'float32' ? 'toFloat()' : `cast('${dtype}')`;
    throw new Error(`GAN: ${name} must be of dtype ${dtype}, but it is ${tensor.dtype}; convert it with .${convert}.`);
  }
  if (tensor.rank === 0 || tensor.size === 0) {
    throw new Error(`GAN: ${name} must be a batch of at least one sample, but its shape is ${text(tensor.shape)}.`);
  }
}

function requireAsMany(name: string, batch: tf.Tensor, other: tf.Tensor, nameOfOther = 'ys'): void {
  if (batch.shape[0] === other.shape[0]) return;
  throw new Error(
    `GAN: ${name} and ${nameOfOther} must hold as many samples each, but they hold ${batch.shape[0]} and ${other.shape[0]}.`,
  );
}

/** An input by its position and name: 1 `label`. */
const inputName = (model: tf.LayersModel, input: number) => `${input} \`${model.inputNames[input]!}\``;

const namesOf = (model: tf.LayersModel, first: number) =>
  model.inputNames
    .slice(first)
    .map(name => `\`${name}\``)
    .join(', ');
