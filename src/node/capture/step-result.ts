import * as tf from '@tensorflow/tfjs';

/** What a step returns, as tensors in a row and how they are put together again. */
export interface StepResult<R> {
  /** Each tensor once. */
  tensors: tf.Tensor[];
  /** What holds them, in words: equal for results that are made alike. */
  structure: string;
  /** The same result of other tensors. */
  rebuild: (tensors: tf.Tensor[]) => R;
}

type Rebuild = (tensors: tf.Tensor[]) => unknown;

/**
 * Takes the tensors out of a result: a tensor, nothing, or arrays and objects of them. A variable stays itself.
 *
 * @throws for a promise, or anything else that a graph cannot give.
 */
export function takeApart<R>(result: R): StepResult<R> {
  const tensors: tf.Tensor[] = [];
  const visit = (value: unknown, path: string): {structure: string; rebuild: Rebuild} => {
    if (value === undefined || value === null) return {structure: String(value), rebuild: () => value};
    if (value instanceof tf.Variable) return {structure: `the variable ${value.name}`, rebuild: () => value};
    if (value instanceof tf.Tensor) {
      const known = tensors.indexOf(value as tf.Tensor);
      const index = known >= 0 ? known : tensors.push(value as tf.Tensor) - 1;
      return {structure: `tensor ${index}`, rebuild: made => made[index]};
    }
    if (typeof value === 'object' && typeof (value as {then?: unknown}).then === 'function') {
      throw new Error('it returns a promise, and a step must not be async');
    }
    if (Array.isArray(value)) {
      const items = value.map((item, i) => visit(item, `${path}[${i}]`));
      return {
        structure: `[${items.map(({structure}) => structure).join(', ')}]`,
        rebuild: made => items.map(({rebuild}) => rebuild(made)),
      };
    }
    if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) {
      const entries = Object.entries(value).map(([key, item]) => [key, visit(item, `${path}.${key}`)] as const);
      return {
        structure: `{${entries.map(([key, {structure}]) => `${key}: ${structure}`).join(', ')}}`,
        rebuild: made => Object.fromEntries(entries.map(([key, {rebuild}]) => [key, rebuild(made)])),
      };
    }
    const what =
      typeof value === 'object' ? `a ${value.constructor.name}` : `the ${typeof value} ${JSON.stringify(value)}`;
    throw new Error(`it returns ${what} at result${path}; return a tensor`);
  };
  const {structure, rebuild} = visit(result, '');
  return {tensors, structure, rebuild: rebuild as (made: tf.Tensor[]) => R};
}
