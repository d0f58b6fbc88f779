import * as tf from '@tensorflow/tfjs';

/** What is done around each step, and every so many of them. */
export interface StepActions {
  before: () => void;
  after: () => Promise<void>;
  afterSome: (losses: Record<string, number>) => Promise<void>;
}

/** A callback of tfjs's own kind: one made of functions would read the losses back after every step. */
export class StepCallback extends tf.Callback {
  constructor(private readonly actions: StepActions) {
    super();
  }
  override onBatchBegin(): Promise<void> {
    return Promise.resolve(this.actions.before());
  }
  override onBatchEnd(): Promise<void> {
    return this.actions.after();
  }
  override onEpochEnd(_: number, logs?: tf.Logs): Promise<void> {
    return this.actions.afterSome(logs as Record<string, number>);
  }
}
