/** How fast a run is. */
export interface Speed {
  /** Samples learned from in a second, in the mean since it began or went on. */
  imagesPerSecond: number;
  /** Until its last step, at this speed. */
  secondsLeft: number;
}

/** Tells how fast steps are taken, from a first one on. */
export class Pace {
  private readonly startedAt = Date.now();
  private images = 0;

  /**
   * @param first steps taken before.
   * @param last the step at which it ends.
   */
  constructor(
    private readonly first: number,
    private readonly last: number,
  ) {}

  /** After a step, with its number from 1 and the samples in its batch. */
  after(step: number, batch: number): Speed {
    this.images += batch;
    const seconds = (Date.now() - this.startedAt) / 1000;
    return {
      imagesPerSecond: this.images / seconds,
      secondsLeft: (seconds / (step - this.first)) * (this.last - step),
    };
  }
}
