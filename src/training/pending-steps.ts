import * as tf from '@tensorflow/tfjs';

/** Steps are read together, so many of them. */
const MOST = 10;

/** Steps whose numbers are still on the device, on a backend that is not read at once. */
export class PendingSteps {
  private steps: {checks: tf.Tensor; see: (checks: Float32Array) => void}[] = [];
  private settled: Promise<unknown> = Promise.resolve();

  /**
   * @param checks the step's, which are disposed.
   * @param see is given their values, step by step.
   */
  add(checks: tf.Tensor, see: (checks: Float32Array) => void): void {
    this.steps.push({checks, see});
  }

  /** Whether there are so many that it is time to read them. */
  get isFull(): boolean {
    return this.steps.length >= MOST;
  }

  /** Reads all steps at once. */
  settle(): Promise<void> {
    const settled = this.settled.then(async () => {
      const steps = this.steps.splice(0);
      if (steps.length === 0) return;
      const all = steps.length === 1 ? steps[0]!.checks : tf.concat1d(steps.map(({checks}) => checks as tf.Tensor1D));
      const values = await all.data<'float32'>();
      let start = 0;
      for (const {checks, see} of steps) see(values.slice(start, (start += checks.size)));
      tf.dispose([all, ...steps.map(({checks}) => checks)]);
    });
    this.settled = settled.catch(() => undefined);
    return settled;
  }

  /** Leaves out the steps that were not read, which are known to be good, or of no interest any more. */
  forget(): void {
    tf.dispose(this.steps.splice(0).map(({checks}) => checks));
  }
}
