import * as tf from '@tensorflow/tfjs';
import type {GAN} from './gan.js';
import type {GanCallback} from './gan-callback.js';

/** Sums scalars on the device and reads their means back once. */
export class RunningMeans {
  /** The sum and, where only the device knows how many steps were taken, behind it their number. */
  private sums: Record<string, tf.Tensor> = {};
  private counts: Record<string, number> = {};
  /** After `read`: whether all steps were taken. */
  allTaken = true;

  /** @param taken whether the step was taken; the means are of those that were. */
  add(losses: Record<string, tf.Scalar>, taken: boolean | tf.Tensor): void {
    if (taken === false) {
      this.allTaken = false;
      return;
    }
    for (const [name, loss] of Object.entries(losses)) {
      const previous = this.sums[name];
      this.sums[name] = tf.tidy(() => {
        const term = taken === true ? loss : countedWhere(taken, loss);
        return previous ? tf.add(previous, term) : tf.clone(term);
      });
      previous?.dispose();
      // Some are not part of every step.
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    }
  }

  /** By name, of those losses that a step had which was taken. */
  async read(): Promise<Record<string, number>> {
    const entries = Object.entries(this.sums).map(async ([name, sums]) => {
      const [sum, taken = this.counts[name]!] = await sums.data();
      if (taken < this.counts[name]!) this.allTaken = false;
      return taken === 0 ? [] : [[name, sum! / taken] as const];
    });
    return Object.fromEntries((await Promise.all(entries)).flat());
  }

  /** Begins anew. */
  dispose(): void {
    tf.dispose(this.sums);
    this.sums = {};
    this.counts = {};
    this.allTaken = true;
  }
}

/** A loss and a one, or two zeros. */
function countedWhere(taken: tf.Tensor, loss: tf.Scalar): tf.Tensor {
  return tf.where(taken, tf.stack([loss, tf.onesLike(loss)]), tf.zeros([2]));
}

/** What callbacks are told of at intervals: the means are one sum for all that want them equally often. */
export class MeansForCallbacks {
  private readonly means = new Map<number, RunningMeans>();
  /** The intervals of which there are steps that were not told of. */
  private readonly untold = new Set<number>();

  constructor(
    private readonly gan: GAN,
    private readonly callbacks: GanCallback[],
  ) {
    for (const {logEvery} of callbacks) if (logEvery > 0) this.means.set(logEvery, new RunningMeans());
  }

  add(...step: Parameters<RunningMeans['add']>): void {
    for (const [every, means] of this.means) {
      this.untold.add(every);
      means.add(...step);
    }
  }

  /** Tells those whose turn it is after the last step or, at the end, all that were not told of the last ones. */
  async tell({atEnd = false} = {}): Promise<void> {
    const {step} = this.gan;
    for (const [every, means] of this.means) {
      if (!this.untold.has(every) || !(atEnd || step % every === 0)) continue;
      this.untold.delete(every);
      const logs = await means.read();
      means.dispose();
      for (const callback of this.callbacks.filter(({logEvery}) => logEvery === every)) {
        if (Object.keys(logs).length > 0) await callback.onLogs?.(step, {...logs});
        if (callback.onDiagnostics) await callback.onDiagnostics(await this.gan.diagnostics());
      }
    }
  }

  dispose(): void {
    for (const means of this.means.values()) means.dispose();
  }
}
