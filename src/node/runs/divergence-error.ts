import type {NonFiniteError} from '../../finite.js';

/**
 * Thrown by `trainEsrgan` when the losses or gradients of ten steps in a row, a weight or what the model makes are NaN or
 * infinite. The message says it all in one line; the checkpoint from before stays, and no model or picture of such numbers is written.
 *
 * @example
 * const settings: TrainSettings = {...DEFAULT_SETTINGS, data: 'photos', out: 'run'};
 * const run = await trainEsrgan(settings).catch((error: unknown) => {
 *   if (error instanceof DivergenceError) return trainEsrgan({...settings, resume: true, learningRate: 1e-4});
 *   throw error;
 * });
 */
export class DivergenceError extends Error {
  /** Its name among errors. */
  override name = 'DivergenceError';

  /** @param cause what was noticed first. */
  constructor(
    cause: NonFiniteError,
    /** The steps that were taken. */
    readonly step: number,
    /** The losses of the last step, where it was one of the ten; otherwise the means of some steps before. */
    readonly losses: Record<string, number>,
    /** The last checkpoint, which is of finite numbers. */
    readonly checkpoint: string,
    /** The step it was written after. */
    readonly checkpointStep: number,
  ) {
    const told = Object.entries(losses).map(([name, loss]) => `${name} ${loss.toPrecision(3)}`);
    super(
      `training diverged by step ${step}: ${cause.found} (losses: ${told.join(', ') || 'none yet'}); ` +
        `${checkpoint} is of step ${checkpointStep}: go on from it with --resume and smaller learning rates`,
      {cause},
    );
  }
}
