import * as tf from '@tensorflow/tfjs';
import type {Moment} from './adam-state.js';

/** A tensor and its name, as optimizers of tfjs give and take their state. */
export type NamedTensor = Awaited<ReturnType<tf.Optimizer['getWeights']>>[number];

/** Powers of beta that Adam and Adamax multiply up step by step (computed anew their last bits differ), and Adamax's count. */
const SCALARS = ['accBeta1', 'accBeta2', 'iteration'] as const;

/** Adamax, whose `getWeights` and `setWeights` tfjs has not written. */
interface Adamax {
  accumulatedFirstMoment: Moment[];
  accumulatedWeightedInfNorm: Moment[];
}

/**
 * What an optimizer of tfjs has accumulated, in order: the number of its steps, its moments, and scalars that belong to all of
 * them. `free` disposes of what was made for this call; the rest is the optimizer's own.
 *
 * @throws what `optimizer.getWeights` throws, for a class that does not have it.
 */
export async function optimizerState(
  optimizer: tf.Optimizer,
): Promise<{moments: NamedTensor[]; scalars: NamedTensor[]; free: () => void}> {
  const [iterations, ...moments] = isAdamax(optimizer) ? adamaxWeights(optimizer) : await optimizer.getWeights();
  return {
    moments: iterations ? [iterations, ...moments] : moments,
    scalars: scalarsOf(optimizer).map(([name, tensor]) => ({name, tensor})),
    free: () => iterations?.tensor.dispose(),
  };
}

/** Sets what `optimizerState` gave, in an optimizer built as that one was. The tensors stay the caller's. */
export async function setOptimizerState(
  optimizer: tf.Optimizer,
  moments: NamedTensor[],
  scalars: tf.Tensor[],
): Promise<void> {
  const before = await optimizerState(optimizer);
  const replaced = before.moments.slice(1).map(({tensor}) => tensor);
  before.free();
  if (isAdamax(optimizer)) await setAdamaxWeights(optimizer, moments);
  // One that has not stepped yet has no moments to set.
  else if (moments.length > 1 || replaced.length > 0) await optimizer.setWeights(moments);
  else await setIterations(optimizer, moments[0]);
  tf.dispose(replaced);
  scalarsOf(optimizer).forEach(([, scalar], i) => scalars[i] && scalar.assign(scalars[i]));
}

async function setIterations(optimizer: tf.Optimizer, iterations: NamedTensor | undefined): Promise<void> {
  if (iterations) (optimizer as unknown as {iterations_: number}).iterations_ = (await iterations.tensor.data())[0]!;
}

function scalarsOf(optimizer: tf.Optimizer): [string, tf.Variable][] {
  return SCALARS.flatMap(name => {
    const scalar = (optimizer as unknown as Partial<Record<typeof name, tf.Variable>>)[name];
    return scalar instanceof tf.Variable ? [[name, scalar] satisfies [string, tf.Variable]] : [];
  });
}

// By its name: tfjs lets instanceof hold between any two optimizers.
function isAdamax(optimizer: tf.Optimizer): boolean {
  return optimizer.getClassName() === 'Adamax';
}

function adamaxWeights(optimizer: tf.Optimizer): NamedTensor[] {
  const adamax = optimizer as unknown as Adamax;
  const iterations = tf.scalar(optimizer.iterations, 'int32');
  const slots = [...adamax.accumulatedFirstMoment, ...adamax.accumulatedWeightedInfNorm];
  return [
    {name: 'iter', tensor: iterations},
    ...slots.map(({originalName, variable}) => ({name: originalName, tensor: variable})),
  ];
}

async function setAdamaxWeights(optimizer: tf.Optimizer, [iterations, ...moments]: NamedTensor[]): Promise<void> {
  const adamax = optimizer as unknown as Adamax;
  await setIterations(optimizer, iterations);
  const slots = moments.map(({name, tensor}) => ({originalName: name, variable: tf.variable(tensor, false)}));
  adamax.accumulatedFirstMoment = slots.slice(0, slots.length / 2);
  adamax.accumulatedWeightedInfNorm = slots.slice(slots.length / 2);
}
