import type * as tf from '@tensorflow/tfjs';
import {join} from 'node:path';
import {NonFiniteError, firstNonFinite} from '../../finite.js';
import type {OptionNames} from '../../options.js';
import {requireKnownOptions} from '../../options.js';
import type {GAN} from '../../training/gan.js';
import {GanCallback} from '../../training/gan-callback.js';
import {writeImage} from '../photos/files.js';
import {pictureGrid} from './picture-grid.js';
import type {RunPlace} from './run-place.js';

/** What `sampleSheets` can be told. */
export interface SampleSheetsOptions {
  /**
   * Draws what a sheet shows: pictures `[count, height, width, 1 or 3]`, which are put side by side in rows, or one picture
   * `[height, width, 1 or 3]`; float32 in [0, 1], others are clipped. It is disposed once it is written; what else was made
   * on the way is yours to dispose, by `tf.tidy` say. What is drawn from should be the same each time.
   */
  draw: (gan: GAN) => tf.Tensor | Promise<tf.Tensor>;
  /** Steps between two sheets: a whole number, 0 for those alone that `write` is called for. Default 100. */
  every?: number;
}

const SAMPLE_SHEETS: OptionNames<SampleSheetsOptions> = {draw: true, every: true};

/** What `sampleSheets` makes: a callback, which can be asked for more sheets. */
export interface SampleSheetsCallback extends GanCallback {
  /**
   * Writes a sheet of what a GAN makes now.
   *
   * @param name the file's, without the ending.
   * @throws as while it trains: see `sampleSheets`.
   */
  write(name: string, gan: GAN): Promise<void>;
}

/**
 * A callback of `GAN.fitDataset` that writes pictures of what the GAN makes at every multiple of so many steps, to see how it
 * comes along: `samples/step-000100.png` and so on in the folder of a run.
 *
 * @param where a folder, which is made if it is missing, or a run.
 * @param options see `SampleSheetsOptions`.
 * @throws if an option is unknown, `draw` is no function or `every` not a whole number from 0; while it trains one line naming
 *   the file, if what is drawn has another shape or holds NaN or Infinity, of which no picture is made, or if it cannot be
 *   written.
 * @example
 * const noise = tf.randomNormal([16, 100]);
 * const sheets = sampleSheets('run', {
 *   every: 500,
 *   draw: gan => tf.tidy(() => (gan.generator.predict(noise) as tf.Tensor).add(1).div(2)), // of tanh, -1 to 1
 * });
 * const dataset = tf.data.generator(function* () {
 *   for (;;) yield {xs: tf.randomNormal([8, 100]), ys: tf.zeros([8, 28, 28, 1])}; // your samples
 * });
 * await gan.fitDataset(dataset, {epochs: 1, batchesPerEpoch: 10_000, callbacks: sheets});
 */
export function sampleSheets(where: string | RunPlace, options: SampleSheetsOptions): SampleSheetsCallback {
  requireKnownOptions('sampleSheets', options, SAMPLE_SHEETS);
  const {draw, every = 100} = options;
  if (typeof draw !== 'function') {
    throw new Error(`sampleSheets: draw must be a function of the GAN that gives pictures, but it is ${String(draw)}.`);
  }
  if (!Number.isSafeInteger(every) || every < 0) {
    throw new Error(`sampleSheets: every must be a whole number of at least 0, but it is ${every}.`);
  }
  return new SheetWriter(typeof where === 'string' ? {path: where} : where, draw, every);
}

/** The name of the sheet of a step. */
export function sheetOfStep(step: number): string {
  return `step-${String(step).padStart(6, '0')}`;
}

/** The file of a sheet by its name. */
export function sheetFile({path}: RunPlace, name: string): string {
  return join(path, 'samples', `${name}.png`);
}

class SheetWriter extends GanCallback implements SampleSheetsCallback {
  constructor(
    private readonly run: RunPlace,
    private readonly draw: SampleSheetsOptions['draw'],
    private readonly every: number,
  ) {
    super();
  }

  override async onBatchEnd(): Promise<void> {
    const {step} = this.gan;
    if (this.every > 0 && step % this.every === 0) await this.write(sheetOfStep(step), this.gan);
  }

  async write(name: string, gan: GAN): Promise<void> {
    await this.run.requireLock?.();
    const file = sheetFile(this.run, name);
    const drawn = await this.draw(gan);
    let sheet: tf.Tensor3D | undefined;
    try {
      const bad = firstNonFinite(await drawn.data());
      if (bad !== undefined) {
        const found = `of what the GAN makes a picture would hold ${bad}`;
        throw new NonFiniteError(`cannot write ${file}: ${found}`, found);
      }
      sheet = pictureGrid(drawn, file);
      await writeImage(file, sheet);
    } finally {
      sheet?.dispose();
      drawn.dispose();
    }
  }
}
