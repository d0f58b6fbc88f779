import type * as tf from '@tensorflow/tfjs';
import type {NativeBackend, TensorData} from './binding.js';
import {nativeIds} from './binding.js';
import type {StepGraph} from './step-graph.js';
import type {StepSession} from './step-session.js';

/** Which session has the latest value of a variable's data. */
const holders = new WeakMap<object, ResidentWeights>();

/**
 * Keeps the weights of a captured step in its session, and tfjs's variables true to them.
 *
 * After a run, what tfjs has of a changed variable is a promise of its value: the first that looks at any of them, an
 * op or a read, makes the session hand over all of them in one call. A variable that was assigned in between is seen by
 * its data's identity, and goes back to the session before the next run.
 */
export class ResidentWeights {
  /** The data that the session's variables had after the last transfer or run, and what the backend kept of it. */
  private data: object[] = [];
  private entries: TensorData[] = [];
  /** Variables whose latest value is in the session alone. */
  private readonly behind = new Set<number>();

  constructor(
    private readonly backend: NativeBackend,
    private readonly session: StepSession,
    private readonly graph: Omit<StepGraph, 'bytes'>,
    private readonly variables: tf.Variable[],
  ) {}

  /** Before a run: gives the session the values it does not have. */
  prepare(): void {
    const {variables, backend} = this;
    // Whoever shares a variable's data, a clone say, keeps the value of now.
    const shared = [...this.behind].some(i => this.entry(i).refCount > 1);
    if (shared) this.fetch();
    // The same data has another entry where it has been on another backend in between.
    const current = ({dataId}: tf.Variable, i: number) =>
      dataId === this.data[i] && holders.get(dataId) === this && backend.tensorMap.get(dataId) === this.entries[i];
    if (variables.every(current)) return;
    this.fetch();
    const others = new Set(variables.map(({dataId}) => holders.get(dataId)));
    this.session.do(nativeIds(backend, variables), this.graph.initial, 'ready:0');
    this.data = variables.map(({dataId}) => dataId);
    this.entries = this.data.map(data => backend.tensorMap.get(data));
    for (const data of this.data) holders.set(data, this);
    others.delete(this);
    for (const other of others) other?.free();
  }

  /** After a run, and after a later one that failed on its way: what tfjs has of the changed variables is of the past. */
  changed(): void {
    for (const i of this.graph.changed) {
      const variable = this.variables[i]!;
      if (this.behind.has(i)) continue;
      if (this.entry(i).refCount > 1) this.separate(variable);
      else this.backend.binding.deleteTensor(this.entry(i).id);
      this.data[i] = variable.dataId;
      this.entries[i] = this.backend.tensorMap.get(variable.dataId);
      holders.set(variable.dataId, this);
      this.defer(this.entry(i));
      this.behind.add(i);
    }
  }

  /** Makes tfjs's variables true, in one call of the session. */
  fetch(): void {
    if (this.behind.size === 0) return;
    const values = this.session.run([], '', this.graph.values);
    values.forEach(({id}, i) => {
      if (this.behind.has(i)) settle(this.entry(i), id);
      else this.backend.binding.deleteTensor(id);
    });
    this.behind.clear();
  }

  /** Frees the session's copy of the weights; the next `prepare` brings them back. */
  free(): void {
    if (this.data.length === 0) return;
    this.fetch();
    this.forget();
  }

  /** Frees the session's copy of weights that it has not changed, or not in a way that counts. */
  forget(): void {
    this.data = [];
    this.entries = [];
    this.session.do([], '', this.graph.freed);
  }

  private entry(i: number): TensorData {
    return this.entries[i]!;
  }

  /** Gives a variable new data, and the old one to those it shared it with. */
  private separate(variable: tf.Variable): void {
    const {shape, dtype} = this.backend.tensorMap.get(variable.dataId);
    const fresh = this.backend.createOutputTensor({id: -1, shape, dtype});
    variable.assign(fresh);
    fresh.dispose();
  }

  private defer(entry: TensorData): void {
    Object.defineProperty(entry, 'id', {
      configurable: true,
      enumerable: true,
      get: () => {
        this.fetch();
        return entry.id;
      },
    });
  }
}

function settle(entry: TensorData, id: number): void {
  Object.defineProperty(entry, 'id', {configurable: true, enumerable: true, writable: true, value: id});
}
