import {NonFiniteError} from '../finite.js';

/** Steps in a row that may be left out before training stops. */
const MOST_IN_A_ROW = 10;

/**
 * Thrown by `GAN.trainOnBatch` and `GAN.fitDataset` when ten steps in a row had a loss or a gradient that is NaN or infinite.
 * None of them changed a weight. On WebGPU and WebGL, where `fitDataset` reads ten steps at once, there may be more.
 *
 * @example
 * const photos = photoDataset('photos', {patch: 64, batch: 8});
 * await gan.fitDataset(photos, {epochs: 10, batchesPerEpoch: 100}).catch((error: unknown) => {
 *   if (error instanceof NonFiniteStepsError) console.error(`stopped in step ${error.step}: ${error.message}`);
 *   else throw error;
 * });
 */
export class NonFiniteStepsError extends NonFiniteError {
  /** Its name among errors. */
  override name = 'NonFiniteStepsError';

  /** @param what the loss, and the gradients by their layers, that are not finite. */
  constructor(
    what: string,
    /** The last of the steps, from 1. */
    readonly step: number,
    /** Its losses, unweighted. */
    readonly losses: Record<string, number>,
    inARow: number,
  ) {
    const found = `${inARow} steps in a row were left out, in the last of them ${what}`;
    super(
      `GAN: ${found}. The weights are those of step ${step - inARow}; ` +
        'go on with smaller learning rates, set clipNorm, or look for what is wrong in the data.',
      found,
    );
  }
}

/** Counts the steps that were left out since their losses or gradients are not finite. */
export class SkippedSteps {
  /** How many there were. */
  count = 0;
  private inARow = 0;
  private last: {what: string; step: number; losses: Record<string, number>} | undefined;

  /** @param tell receives a line for the first one, the tenth, the hundredth and so on. */
  constructor(private readonly tell: (message: string) => void) {}

  /** After a step that changed the weights. */
  good(): void {
    this.inARow = 0;
  }

  /**
   * After one that did not.
   *
   * @param step its number, from 1.
   */
  bad(what: string, step: number, losses: Record<string, number>): void {
    this.count++;
    this.inARow++;
    if (Number.isInteger(Math.log10(this.count))) {
      const before = this.count > 1 ? ` It is the ${this.count}th so far.` : '';
      this.tell(`GAN: step ${step} was left out and changed nothing: ${what}.${before}`);
    }
    this.last = {what, step, losses};
  }

  /** @throws if the last steps, ten or more, did not. */
  requireOneGood(): void {
    const {inARow} = this;
    if (inARow < MOST_IN_A_ROW) return;
    // Whoever goes on all the same has ten more.
    this.inARow = 0;
    const {what, step, losses} = this.last!;
    throw new NonFiniteStepsError(what, step, losses, inARow);
  }
}
