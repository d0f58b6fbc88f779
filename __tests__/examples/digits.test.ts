import sharp from 'sharp';
import {inExample, runExample} from '../support/examples.js';
import {temporaryFolder} from '../support/temporary-folder.js';

const inFolder = temporaryFolder();
const train = (...args: string[]) => runExample('digits/train.js', ...args);

test('trains, draws a sheet and measures', async () => {
  const out = inFolder('digits');
  const {status, stdout, stderr} = train('--steps', '3', '--backend', 'wasm', '--out', out);
  expect([status, stderr]).toEqual([0, '']);
  const numbers = (row: string, text = stdout) =>
    text
      .split('\n')
      .find(line => line.startsWith(`| ${row} |`))!
      .match(/[\d.]+/g)!
      .map(Number);
  const [heldOut, drawn] = [numbers('held out'), numbers('drawn')];
  // The classifier knows digits that it has not seen, and what a generator of three steps draws is far from them.
  expect(heldOut[0]).toBeGreaterThan(88);
  expect(heldOut[1]).toBeLessThan(drawn[1]! / 2);
  expect(drawn[0]).toBeLessThan(40);
  // 20 pictures beside each other and 10 below each other, of 8 pixels with one around, with a bar of 2, four times as large.
  expect(await sharp(`${out}/samples/end.png`).metadata()).toMatchObject({width: 4 * (20 * 10 + 2), height: 400});

  // From the checkpoint there is nothing left to do, and what is drawn is the same.
  const resumed = train('--steps', '3', '--backend', 'wasm', '--out', out, '--resume');
  expect([resumed.status, resumed.stderr]).toEqual([0, '']);
  expect(resumed.stdout).not.toContain('training');
  expect(numbers('drawn', resumed.stdout)).toEqual(drawn);
}, 240_000);

test('tells its options, and which it does not take', () => {
  expect(train('--help').stdout).toContain('--seed N');
  expect(train('--seed', '0')).toMatchObject({status: 2});
  expect(train('--seed', '0').stderr).toContain('--seed must be a whole number of at least 1, but it is 0');
});

test('the data are 1,797 digits, of which 297 are held out', () => {
  const parts = `Object.values(example.readDigits()).map(({pictures, digits}) =>
    [pictures.shape, digits.shape, ...[pictures.min(), pictures.max(), digits.min(), digits.max()].map(one => one.arraySync())])`;
  expect(inExample('digits/data.js', parts)).toEqual([
    [[1500, 8, 8, 1], [1500], -1, 1, 0, 9],
    [[297, 8, 8, 1], [297], -1, 1, 0, 9],
  ]);
});

test('a batch gives generator and critic the same digits, and pictures of them', () => {
  const check = `(async () => {
    const {train} = example.readDigits();
    const {value} = await (await example.digitBatches(train, {batch: 6, seed: 2, firstBatch: 0}).iterator()).next();
    const known = await train.pictures.reshape([-1, 64]).array();
    const digits = await train.digits.array();
    const found = (await value.ys.reshape([-1, 64]).array()).map(one => digits[known.findIndex(other => String(other) === String(one))]);
    return [found, await value.xs[1].argMax(1).array(), await value.condition.argMax(1).array(), value.xs[0].shape];
  })()`;
  const [found, asked, told, noise] = inExample('digits/data.js', check) as number[][];
  expect(new Set(found).size).toBeGreaterThan(1);
  expect(asked).toEqual(found);
  expect(told).toEqual(found);
  expect(noise).toEqual([6, 32]);
});

test('the Fréchet distance is that of the formula', () => {
  const sets = [
    [
      [0, 1],
      [2, 3],
      [1, -1],
      [4, 2],
    ],
    [
      [1, 1],
      [0, 2],
      [-3, 0],
      [2, 5],
      [1, -2],
    ],
  ] as const;
  const [a, b] = sets.map(rows => {
    const mean = [0, 1].map(i => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
    const entry = (i: number, j: number) =>
      rows.reduce((sum, row) => sum + (row[i]! - mean[i]!) * (row[j]! - mean[j]!), 0) / (rows.length - 1);
    return {mean, xx: entry(0, 0), xy: entry(0, 1), yy: entry(1, 1)};
  }) as [Moments, Moments];
  // Of two by two matrices the trace of the root is the root of trace + 2 sqrt(determinant).
  const traceOfProduct = a.xx * b.xx + 2 * a.xy * b.xy + a.yy * b.yy;
  const determinant = (a.xx * a.yy - a.xy ** 2) * (b.xx * b.yy - b.xy ** 2);
  const cross = Math.sqrt(traceOfProduct + 2 * Math.sqrt(determinant));
  const shift = (a.mean[0]! - b.mean[0]!) ** 2 + (a.mean[1]! - b.mean[1]!) ** 2;
  const expected = shift + a.xx + a.yy + b.xx + b.yy - 2 * cross;
  const [distance, toItself] = inExample(
    'digits/frechet.js',
    `[example.frechetDistance(${JSON.stringify(sets[0])}, ${JSON.stringify(sets[1])}), example.frechetDistance(...Array(2).fill(${JSON.stringify(sets[0])}))]`,
  ) as [number, number];
  expect(distance).toBeCloseTo(expected, 10);
  expect(toItself).toBeCloseTo(0, 10);
});

interface Moments {
  mean: number[];
  xx: number;
  xy: number;
  yy: number;
}
