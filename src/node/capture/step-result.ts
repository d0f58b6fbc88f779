import * as tf from '@tensorflow/tfjs';

/** What a step returns, as tensors in a row and how they are put together again. */
export interface StepResult<R> {
  /** Each tensor once. */
  tensors: tf.Tensor[];
  /** What holds them, in words: equal for results that are made alike. */
  structure: string;
  /** Whether it holds inputs. */
  holdsInputs: boolean;
  /** The same result of other tensors and other inputs. */
  rebuild: (tensors: tf.Tensor[], inputs: tf.Tensor[]) => R;
}

type Rebuild = (tensors: tf.Tensor[], inputs: tf.Tensor[]) => unknown;

/**
 * Takes the tensors out of a result: a tensor, nothing, or arrays and objects of them. A variable stays itself, and so do
 * inputs and other tensors that were there before the step: they are not made anew at every call.
 *
 * @param inputs the tensors that the step was given.
 * @param firstId the number (`Tensor.id`) of the first tensor that may be the step's own.
 * @throws for a promise, or anything else that a graph cannot give.
 */
export function takeApart<R>(result: R, inputs: tf.Tensor[], firstId: number): StepResult<R> {
  let holdsInputs = false;
  const tensors: tf.Tensor[] = [];
  const around: object[] = [];
  const visit = (value: unknown, path: string): {structure: string; rebuild: Rebuild} => {
    if (around.includes(value as object)) throw new Error(`it returns a result that contains itself, at result${path}`);
    around.push(value as object);
    const part = takePart(value, path);
    around.pop();
    return part;
  };
  const takePart = (value: unknown, path: string): {structure: string; rebuild: Rebuild} => {
    if (value === undefined || value === null) return {structure: String(value), rebuild: () => value};
    if (value instanceof tf.Variable) return {structure: `the variable ${value.name}`, rebuild: () => value};
    if (value instanceof tf.Tensor) {
      const input = inputs.indexOf(value as tf.Tensor);
      if (input >= 0) {
        holdsInputs = true;
        return {structure: `input ${input}`, rebuild: (_, given) => given[input]};
      }
      if (value.id < firstId) return {structure: `tensor ${value.id} from outside`, rebuild: () => value as tf.Tensor};
      if (value.isDisposed) throw new Error(`it returns a tensor that it has disposed of, at result${path}`);
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
        rebuild: (...made) => items.map(({rebuild}) => rebuild(...made)),
      };
    }
    if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) {
      const entries = Object.entries(value).map(([key, item]) => [key, visit(item, `${path}.${key}`)] as const);
      return {
        structure: `{${entries.map(([key, {structure}]) => `${key}: ${structure}`).join(', ')}}`,
        rebuild: (...made) => Object.fromEntries(entries.map(([key, {rebuild}]) => [key, rebuild(...made)])),
      };
    }
    throw new Error(`it returns ${describe(value)} at result${path}; return a tensor`);
  };
  const {structure, rebuild} = visit(result, '');
  return {tensors, structure, holdsInputs, rebuild: rebuild as StepResult<R>['rebuild']};
}

/** A value that is neither a tensor nor holds any, in words. */
function describe(value: unknown): string {
  switch (typeof value) {
    case 'object':
      return `a ${value!.constructor.name}`;
    case 'function':
      return 'a function';
    case 'string':
      return `the string ${JSON.stringify(value)}`;
    default:
      return `the ${typeof value} ${String(value)}`;
  }
}
