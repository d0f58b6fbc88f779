import * as tf from '@tensorflow/tfjs';
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import type {GAN} from 'tfjs-ragan';
import {readImage, sampleSheets} from 'tfjs-ragan/node';
import type {SampleSheetsOptions} from 'tfjs-ragan/node';
import {takeRunFolder} from '../../../src/node/runs/folder.js';
import {describeOnBackends} from '../../support/backends.js';
import {batch, compiled} from '../../support/small-gan.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const dataset = () =>
  tf.data.generator(function* () {
    for (;;) yield batch();
  });

describeOnBackends('sampleSheets', backend => {
  /** The three values that the generator makes of each latent, as pictures of three pixels. */
  const grey = (count: number) => {
    const latents = batch(count).xs;
    return (gan: GAN) =>
      tf.tidy(() => (gan.generator.predict(latents) as tf.Tensor).add(1).div(2).reshape([count, 1, 3, 1]));
  };
  const trained = async (gan: GAN, folder: string, options: SampleSheetsOptions, steps = 5) => {
    const callbacks = sampleSheets(folder, options);
    await gan.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: steps, callbacks});
    return callbacks;
  };

  test('writes what the GAN makes at every multiple, and when it is asked to', async () => {
    const gan = compiled();
    gan.step = 3;
    const draw = grey(5);
    const sheets = await trained(gan, inFolder(backend, 'run'), {every: 2, draw});
    const samples = inFolder(backend, 'run', 'samples');
    expect(readdirSync(samples).sort()).toEqual(['step-000004.png', 'step-000006.png', 'step-000008.png']);
    await sheets.write('end', gan);
    // Three columns, two rows, and two white pixels between them: the last cell is white too.
    const sheet = await readImage(`${samples}/end.png`);
    expect(sheet.shape).toEqual([1 + 2 + 1, 3 * 3 + 2 * 2, 3]);
    const shown = Array.from(await tf.round(tf.mul(sheet, 255)).data());
    const drawn = draw(gan);
    const values = Array.from(await tf.round(tf.mul(drawn, 255)).data());
    const cell = (i: number) => values.slice(3 * i, 3 * i + 3);
    const white = (count: number) => new Array<number>(count).fill(255);
    const row = (first: number[], second: number[], third: number[]) => [
      ...first,
      ...white(2),
      ...second,
      ...white(2),
      ...third,
    ];
    expect(shown.filter((_, i) => i % 3 === 0)).toEqual([
      ...row(cell(0), cell(1), cell(2)),
      ...white(2 * 13),
      ...row(cell(3), cell(4), white(3)),
    ]);
    expect(shown.filter((_, i) => i % 3 === 1)).toEqual(shown.filter((_, i) => i % 3 === 0));
    tf.dispose([sheet, drawn]);
    gan.dispose();
  });

  test('takes one picture as it is, also a promise of one, and only what is asked for with every: 0', async () => {
    const gan = compiled();
    const draw = () => Promise.resolve(tf.tensor3d([1, 0, 0, 0, 1, 0, 0, 0, 1, 2, -1, 0], [2, 2, 3]));
    const sheets = await trained(gan, inFolder(backend, 'one'), {every: 0, draw});
    expect(existsSync(inFolder(backend, 'one'))).toBe(false);
    await sheets.write('some', gan);
    const sheet = await readImage(inFolder(backend, 'one', 'samples', 'some.png'));
    expect(sheet.shape).toEqual([2, 2, 3]);
    expect(Array.from(await sheet.data())).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
    sheet.dispose();
    gan.dispose();
  });

  test('holds no tensor, and changes nothing of what is trained', async () => {
    const weights = async (gan: GAN) =>
      Promise.all(gan.generator.getWeights().map(async weight => Array.from(await weight.data())));
    const [plain, watched] = [compiled(), compiled()];
    await plain.fitDataset(dataset(), {epochs: 1, batchesPerEpoch: 6});
    const draw = grey(4);
    await trained(watched, inFolder(backend, 'leaks'), {every: 1, draw}, 3);
    const before = tf.memory().numTensors;
    await trained(watched, inFolder(backend, 'leaks'), {every: 1, draw}, 3);
    expect(tf.memory().numTensors).toBe(before);
    expect(await weights(watched)).toEqual(await weights(plain));
    for (const gan of [plain, watched]) gan.dispose();
  });

  test('makes no picture of NaN or of another shape, and none in a run that is another’s by now', async () => {
    const gan = compiled();
    const file = inFolder(backend, 'bad', 'samples', 'step-000001.png');
    const bad = (draw: SampleSheetsOptions['draw']) => trained(gan, inFolder(backend, 'bad'), {every: 1, draw}, 1);
    await gan.trainOnBatch(batch().xs, batch().ys);
    gan.step = 0;
    const before = tf.memory().numTensors;
    await expect(bad(() => tf.fill([1, 2, 2, 3], NaN))).rejects.toThrow(
      `cannot write ${file}: of what the GAN makes a picture would hold NaN`,
    );
    gan.step = 0;
    await expect(bad(() => tf.zeros([4, 3]))).rejects.toThrow(
      `cannot write ${file}: what is drawn must have the shape [count, height, width, 1 or 3] or [height, width, 1 or 3], but its shape is [4, 3]`,
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(existsSync(file)).toBe(false);
    const run = await takeRunFolder(inFolder(backend, 'taken'), {resume: false});
    const draw = jest.fn(() => tf.zeros([2, 2, 3]));
    const sheets = sampleSheets(run, {draw});
    await sheets.write('mine', gan);
    writeFileSync(`${run.path}/run.lock`, 'another');
    await expect(sheets.write('theirs', gan)).rejects.toThrow('this run stops, so as to write over nothing');
    expect(readdirSync(run.samples)).toEqual(['mine.png']);
    expect(draw).toHaveBeenCalledTimes(1);
    await run.release();
    gan.dispose();
  });
});

test('sampleSheets refuses what it cannot do', () => {
  const draw = () => tf.zeros([2, 2, 3]);
  for (const every of [-1, 1.5, NaN]) {
    expect(() => sampleSheets('run', {draw, every})).toThrow('every must be a whole number of at least 0');
  }
  expect(() => sampleSheets('run', {} as SampleSheetsOptions)).toThrow(
    'sampleSheets: draw must be a function of the GAN that gives pictures, but it is undefined.',
  );
});
