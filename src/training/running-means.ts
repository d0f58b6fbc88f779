import * as tf from '@tensorflow/tfjs';
import type {GanCallback} from './gan-callback.js';

/** Sums scalars on the device and reads their means back once. */
export class RunningMeans {
  private sums: Record<string, tf.Scalar> = {};
  private counts: Record<string, number> = {};

  add(losses: Record<string, tf.Scalar>): void {
    for (const [name, loss] of Object.entries(losses)) {
      const previous = this.sums[name];
      this.sums[name] = previous ? tf.add(previous, loss) : tf.clone(loss);
      previous?.dispose();
      // Some are not part of every step.
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    }
  }

  get isEmpty(): boolean {
    return Object.keys(this.sums).length === 0;
  }

  async read(): Promise<Record<string, number>> {
    const entries = Object.entries(this.sums).map(
      async ([name, sum]) => [name, (await sum.data())[0]! / this.counts[name]!] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  /** Begins anew. */
  dispose(): void {
    tf.dispose(this.sums);
    this.sums = {};
    this.counts = {};
  }
}

/** The means that callbacks are told of: one sum for all that want them equally often. */
export class MeansForCallbacks {
  private readonly means = new Map<number, RunningMeans>();

  constructor(private readonly callbacks: GanCallback[]) {
    for (const {logEvery} of callbacks) if (logEvery > 0) this.means.set(logEvery, new RunningMeans());
  }

  add(losses: Record<string, tf.Scalar>): void {
    for (const means of this.means.values()) means.add(losses);
  }

  /** Tells those whose turn it is after `step` steps or, at the end, all that were not told of the last ones. */
  async tell(step: number, {atEnd = false} = {}): Promise<void> {
    for (const [every, means] of this.means) {
      if (means.isEmpty || !(atEnd || step % every === 0)) continue;
      const logs = await means.read();
      means.dispose();
      for (const callback of this.callbacks) if (callback.logEvery === every) await callback.onLogs?.(step, {...logs});
    }
  }

  dispose(): void {
    for (const means of this.means.values()) means.dispose();
  }
}
