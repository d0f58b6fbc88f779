import {GanCallback} from '../../training/gan-callback.js';

/** Does something at every multiple of so many steps; never where that is 0. */
export class EverySteps extends GanCallback {
  constructor(
    private readonly every: number,
    private readonly action: () => Promise<void>,
  ) {
    super();
  }

  override async onBatchEnd(): Promise<void> {
    if (this.every > 0 && this.gan.step % this.every === 0) await this.action();
  }
}
