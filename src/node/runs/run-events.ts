import {GanCallback} from '../../training/gan-callback.js';
import type {Stage, TrainEvents} from './events.js';
import {Pace} from './pace.js';

/** Tells of a run's steps as they are taken, and stops it once a signal says so. */
export class RunEvents extends GanCallback {
  /** Where the run is. */
  stage: Stage = 'warm-up';
  /** The mean losses of the last steps that were told of. */
  losses: Record<string, number> = {};
  private pace: Pace | undefined;

  constructor(
    private readonly events: TrainEvents,
    private readonly run: {steps: number; batch: number; logEvery: number},
    private readonly signal: AbortSignal | undefined,
  ) {
    super({logEvery: run.logEvery});
  }

  override onTrainBegin(): Promise<void> {
    this.pace ??= new Pace(this.gan.step, this.run.steps);
    return Promise.resolve();
  }

  override onBatchEnd(): Promise<void> {
    const {step} = this.gan;
    this.events.onStep?.(step, this.stage, this.pace!.after(step, this.run.batch));
    if (this.signal?.aborted) this.gan.stopTraining = true;
    return Promise.resolve();
  }

  override onLogs(step: number, losses: Record<string, number>): void {
    this.losses = losses;
    this.events.onLosses?.(step, losses);
  }
}
