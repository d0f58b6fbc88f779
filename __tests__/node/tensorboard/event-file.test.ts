import {readFileSync, readdirSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {PNG} from 'pngjs';
import {crc32c, maskedCrc32c} from '../../../src/crc32c.js';
import {EventFile, record} from '../../../src/node/tensorboard/event-file.js';
import {histogramOf} from '../../../src/node/tensorboard/histogram.js';
import {describeWithTensorBoard, readWithTensorBoard} from '../../support/tensorboard.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();
const filesIn = (folder: string) => readdirSync(folder).sort();

describe('the checksum', () => {
  const bytes = (length: number, at: (i: number) => number) => Uint8Array.from({length}, (_, i) => at(i));

  // RFC 3720, appendix B.4.
  test.each([
    ['zeros', bytes(32, () => 0), 0x8a9136aa],
    ['ones', bytes(32, () => 255), 0x62a8ab43],
    ['going up', bytes(32, i => i), 0x46dd794e],
    ['going down', bytes(32, i => 31 - i), 0x113fdb5c],
    ['the digits', Buffer.from('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(), 0],
  ])('of %s', (_, data, expected) => {
    expect(crc32c(data)).toBe(expected);
  });

  test('is masked as in a file that TensorFlow wrote', () => {
    // The header of a record of 24 bytes, as event files of TensorFlow begin.
    expect(maskedCrc32c(Uint8Array.of(24, 0, 0, 0, 0, 0, 0, 0))).toBe(0x224b7fa3);
  });
});

describe('a histogram', () => {
  test('counts values between the least and the greatest', () => {
    expect(histogramOf([3, -1, 0, 1, 1, NaN, Infinity, -Infinity], 4)).toEqual({
      min: -1,
      max: 3,
      count: 5,
      sum: 4,
      sumOfSquares: 12,
      limits: [0, 1, 2, 3],
      counts: [1, 1, 2, 1],
    });
    expect(histogramOf(new Float32Array(7).fill(0.5))).toMatchObject({limits: [0.5], counts: [7], min: 0.5, max: 0.5});
    expect(histogramOf([NaN])).toBeUndefined();
    const many = histogramOf(Float32Array.from({length: 1000}, () => Math.random()))!;
    expect(many.limits).toHaveLength(30);
    expect(many.counts.reduce((a, b) => a + b)).toBe(1000);
    // The greatest value is in the last bucket, whatever the division gives.
    expect(histogramOf([0.1, 0.1 + 0.7], 3)!.counts).toEqual([1, 0, 1]);
  });
});

describe('an event file', () => {
  test('is a file of whole records, and begins with its version', async () => {
    const folder = inFolder('whole', 'deeper');
    const file = new EventFile(folder);
    await file.write(3, {'losses/a': 0.25});
    const [name] = filesIn(folder);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    expect(name!.endsWith(`.${hostname()}.${process.pid}`)).toBe(true);
    const content = readFileSync(join(folder, name!));
    const first = content.subarray(0, 16 + content.readUInt32LE(0));
    expect(first.subarray(12).toString('latin1')).toContain('brain.Event:2');
    expect(record(first.subarray(12, -4))).toEqual(first);
    await file.write(4, {'losses/a': 0.5});
    expect(readFileSync(join(folder, name!)).subarray(0, content.length)).toEqual(content);
    expect(filesIn(folder)).toHaveLength(1);
  });

  test('comes after those that are there, whatever the clock says', async () => {
    const folder = inFolder('order');
    writeFileSync(inFolder('order', 'events.out.tfevents.4000000000.elsewhere.1'), '');
    await new EventFile(folder).write(1, {a: 1});
    await new EventFile(folder).write(2, {a: 1});
    expect(filesIn(folder).map(name => name.slice(0, 30))).toEqual([
      'events.out.tfevents.4000000000',
      'events.out.tfevents.4000000001',
      'events.out.tfevents.4000000002',
    ]);
  });

  test('that cannot be written is told of in one line', async () => {
    writeFileSync(inFolder('file'), '');
    await expect(new EventFile(inFolder('file')).write(1, {a: 1})).rejects.toThrow(
      `cannot write ${inFolder('file')}: a file of that name is in the way`,
    );
    const gone = inFolder('gone');
    const file = new EventFile(gone);
    await file.write(1, {a: 1});
    rmSync(gone, {recursive: true});
    await expect(file.write(2, {a: 1})).rejects.toThrow(/^cannot write .*tfevents.*: it does not exist$/);
  });
});

describeWithTensorBoard('TensorBoard', () => {
  const png = PNG.sync.write(Object.assign(new PNG({width: 5, height: 3}), {data: Buffer.alloc(60, 200)}));
  const picture = {width: 5, height: 3, png};
  const logits = Float32Array.from({length: 64}, (_, i) => Math.sin(i) * 3 - 1);

  test('reads every scalar, picture and histogram', async () => {
    const file = new EventFile(inFolder('all'));
    const losses = [0.5, -1e-3, 12345.678, 1e-30, 0];
    for (const [i, loss] of losses.entries()) {
      await file.write(10 * i, {'losses/discriminator': loss, 'losses/generator': 2 * loss});
    }
    await file.write(2 ** 40, {samples: picture, 'logits/real': histogramOf(logits)!, 'a b': -1});
    const one = {...histogramOf([2, 2])!};
    await file.write(2 ** 40 + 1, {'logits/real': one});
    const {shown, accumulated} = readWithTensorBoard(inFolder('all'));

    const scalars = {
      'losses/discriminator': losses.map((loss, i) => [10 * i, Math.fround(loss)]),
      'losses/generator': losses.map((loss, i) => [10 * i, Math.fround(2 * loss)]),
      'a b': [[2 ** 40, -1]],
    };
    expect(accumulated.scalars).toEqual(scalars);
    expect(shown.scalars).toEqual(scalars);
    const images = {samples: [[2 ** 40, 5, 3, png.toString('base64')]]};
    expect(accumulated.images).toEqual(images);
    expect(shown.images).toEqual(images);

    const {min, limits, counts} = histogramOf(logits)!;
    const buckets = counts.map((count, i) => [i === 0 ? min : limits[i - 1]!, limits[i]!, count]);
    expect(counts.reduce((a, b) => a + b)).toBe(64);
    expect(accumulated.histograms).toEqual({
      'logits/real': [
        [2 ** 40, buckets],
        [2 ** 40 + 1, [[2, 2, 2]]],
      ],
    });
    const rounded = buckets.map(bucket => bucket.map(Math.fround));
    expect(shown.histograms).toEqual({
      'logits/real': [
        [2 ** 40, rounded],
        [2 ** 40 + 1, [[2, 2, 2]]],
      ],
    });
  });

  test('of a run that goes on shows nothing that came after its checkpoint', async () => {
    const folder = inFolder('resumed');
    const before = new EventFile(folder);
    for (const step of [10, 20, 30, 40]) await before.write(step, {loss: step, samples: picture});
    const after = new EventFile(folder, 21);
    await after.write(30, {loss: -30, 'logits/fake': histogramOf(logits)!});
    const {shown, accumulated} = readWithTensorBoard(folder);
    const loss = [
      [10, 10],
      [20, 20],
      [30, -30],
    ];
    expect(shown.scalars).toEqual({loss});
    expect(accumulated.scalars).toEqual({loss});
    expect(shown.images.samples!.map(([step]) => step)).toEqual([10, 20]);
  });

  test('reads on after an event that a kill cut short, wherever it was cut', async () => {
    const folder = inFolder('killed');
    const killed = new EventFile(folder);
    await killed.write(1, {loss: 1});
    const path = join(folder, filesIn(folder)[0]!);
    const whole = readFileSync(path);
    await killed.write(2, {loss: 2});
    const last = readFileSync(path).length - whole.length;
    await new EventFile(folder, 2).write(2, {loss: -2});
    for (const left of [0, 5, 11, 12, 20, last - 1]) {
      truncateSync(path, whole.length + left);
      const {shown, accumulated} = readWithTensorBoard(folder);
      const scalars = {
        loss: [
          [1, 1],
          [2, -2],
        ],
      };
      expect([left, shown.scalars, accumulated.scalars]).toEqual([left, scalars, scalars]);
    }
  });
});
