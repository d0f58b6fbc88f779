import * as tf from '@tensorflow/tfjs';

/** Follows the tensors that a step makes, to tell which of them live on when it ends. */
export class MadeTensors {
  private readonly made: tf.Tensor[] = [];
  private readonly used = new WeakSet<tf.Tensor>();
  /** Data that variables were given. */
  private readonly assigned = new WeakSet<object>();

  /** A tensor was made, or a variable was given its data. */
  add(tensor: tf.Tensor): void {
    if (tensor instanceof tf.Variable) this.assigned.add(tensor.dataId);
    else this.made.push(tensor);
  }

  /** An op takes these. */
  use(tensors: tf.Tensor[]): void {
    for (const tensor of tensors) this.used.add(tensor);
  }

  /** What lives on besides these. */
  living(others: ReadonlySet<unknown>): tf.Tensor[] {
    return this.made.filter(tensor => !tensor.isDisposed && !others.has(tensor));
  }

  /** Whether an op took it or it was assigned to a variable. What nothing uses was made to be looked at later. */
  isUsed(tensor: tf.Tensor): boolean {
    return this.used.has(tensor) || this.assigned.has(tensor.dataId);
  }
}

/** Gives a tensor the values of another of its kind, which is disposed of. */
export function takeValues(tensor: tf.Tensor, other: tf.Tensor): void {
  const {dataId} = tensor;
  Object.assign(tensor, {dataId: other.dataId});
  Object.assign(other, {dataId});
  other.dispose();
}

/** Makes a tensor that is disposed of stand for another from now on, whoever holds it. */
export function standFor(tensor: tf.Tensor, other: tf.Tensor): void {
  for (const name of Object.keys(tensor)) Reflect.deleteProperty(tensor, name);
  Object.setPrototypeOf(tensor, other);
  // A tidy around the step that made it must not dispose of the other.
  Object.assign(tensor, {kept: true, dispose: () => other.dispose()});
}

/**
 * Disposes of tensors that a recorded call of a step left, once a graph has run in place of a later call: whoever holds
 * one would take it for that of the last call. Looking at one then says so.
 */
export function expire(tensors: tf.Tensor[]): void {
  for (const tensor of tensors) {
    // One that stands for another leaves that as it is.
    if (!Object.hasOwn(tensor, 'dispose')) tensor.dispose();
    Object.assign(tensor, {isDisposedInternal: true, dispose: () => undefined, throwIfDisposed});
  }
}

function throwIfDisposed(): never {
  throw new Error(
    'captureStep: this tensor was made by an earlier call of a captured step, which does not renew it: ' +
      'return it from the step instead of storing it.',
  );
}
