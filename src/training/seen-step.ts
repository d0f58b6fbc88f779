import type {Networks} from './step.js';
import type {StepKind} from './update.js';
import {perNetwork} from './update.js';

type PerLearningNetwork<T> = Partial<Record<keyof Networks, T>>;

/** What the `checks` of a step's outcome are of. */
export interface CheckNames {
  losses: string[];
  /** The trainable weights of the networks that learn. */
  gradients: PerLearningNetwork<string[]>;
}

/** @param losses their names. */
export function checkNames(networks: Networks, {trains}: StepKind, losses: string[]): CheckNames {
  const gradients = perNetwork(trains, network =>
    networks[network].trainableWeights.map(({originalName}) => originalName),
  );
  return {losses, gradients};
}

/** The numbers by which a step is taken or left out. */
export interface SeenStep {
  /** Unweighted, by name. */
  losses: Record<string, number>;
  /** Half the squares of each gradient. */
  halfSquares: PerLearningNetwork<number[]>;
}

/** @param checks the values of the outcome's `checks`. */
export function seenStep({losses, gradients}: CheckNames, checks: Float32Array): SeenStep {
  const halfSquares: SeenStep['halfSquares'] = {};
  let end = losses.length;
  for (const [network, names] of Object.entries(gradients) as [keyof Networks, string[]][]) {
    halfSquares[network] = [...checks.subarray(end, (end += names.length))];
  }
  return {losses: Object.fromEntries(losses.map((name, i) => [name, checks[i]!])), halfSquares};
}

/** The first loss that is not finite, and the gradient where that began: the last one of the network, as it goes backwards. */
export function whatIsNotFinite({gradients}: CheckNames, {losses, halfSquares}: SeenStep): string {
  const found = Object.entries(losses)
    .filter(([, value]) => !Number.isFinite(value))
    .map(([name, value]) => `${name} is ${value}`)
    .slice(0, 1);
  for (const [network, values] of Object.entries(halfSquares) as [keyof Networks, number[]][]) {
    const last = values.map(Number.isFinite).lastIndexOf(false);
    if (last >= 0) found.push(`the gradient of the ${network}'s ${gradients[network]![last]} is ${values[last]}`);
  }
  return found.join(', ');
}
