import * as tf from '@tensorflow/tfjs';
import {readFileSync, writeFileSync} from 'node:fs';
import {bicubicUpscale} from 'tfjs-ragan';
import {DEFAULT_SETTINGS, readImage, writeImage} from 'tfjs-ragan/node';
import type {TrainSummary} from 'tfjs-ragan/node';
import {disposePhotos, evaluatePhoto, meanScores, validationPhoto} from '../../../src/node/runs/evaluation.js';
import {lineChart} from '../../../src/node/runs/line-chart.js';
import {writeReport} from '../../../src/node/runs/report.js';
import {takeRunFolder} from '../../../src/node/runs/folder.js';
import {appendToLog} from '../../../src/node/runs/log.js';
import {sampleSheet} from '../../../src/node/runs/sample-sheet.js';
import {activateBackend} from '../../support/backends.js';
import {describeInChromium, launchChromium} from '../../support/chromium.js';
import {placed, writeLines, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

beforeAll(() => activateBackend('wasm'));

/** A model that enlarges four times by repeating pixels. */
const repeating = () => {
  const input = tf.input({shape: [null, null, 3]});
  return tf.model({inputs: input, outputs: tf.layers.upSampling2d({size: [4, 4]}).apply(input) as tf.SymbolicTensor});
};

describe('evaluation', () => {
  test('measures the centre of a photo on pictures of 8 bits, and leaks nothing', async () => {
    const before = tf.memory().numTensors;
    const file = writePng(inFolder('photo.png'), 50, 45, placed);
    const photo = await validationPhoto(file, 4, 30);
    expect([photo.truth, photo.low, photo.bicubic].map(image => image.shape)).toEqual([
      [28, 28, 3],
      [7, 7, 3],
      [28, 28, 3],
    ]);
    // From (50 - 28) / 2 and (45 - 28) / 2.
    expect((await photo.truth.data()).slice(0, 2)).toEqual(Float32Array.of(55 / 255, 40 / 255));
    const [low, bicubic] = [await photo.low.data(), await tf.tidy(() => bicubicUpscale(photo.low, 4)).data()];
    for (const value of low) expect(Math.abs(value * 255 - Math.round(value * 255))).toBeLessThan(1e-4);
    (await photo.bicubic.data()).forEach((value, i) => {
      expect(Math.abs(value - Math.min(1, Math.max(0, bicubic[i]!)))).toBeLessThan(0.501 / 255);
    });
    const model = repeating();
    const scores = await evaluatePhoto(model, photo, 4);
    expect(scores.file).toBe(file);
    expect(scores.bicubic.psnrY).toBeGreaterThan(5);
    expect(scores.model).not.toEqual(scores.bicubic);
    // A model that is given the truth.
    const perfect = await evaluatePhoto(model, {...photo, truth: photo.bicubic}, 4);
    expect(perfect.bicubic).toEqual({psnrY: Infinity, ssimY: expect.closeTo(1, 5) as number, sharpness: 1});
    expect(meanScores([scores.model, scores.bicubic]).psnrY).toBeCloseTo(
      (scores.model.psnrY + scores.bicubic.psnrY) / 2,
    );
    disposePhotos([photo]);
    model.dispose();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 1);
    await expect(validationPhoto(writePng(inFolder('small.png'), 50, 19, placed), 4)).rejects.toThrow(
      `cannot measure on ${inFolder('small.png')}: 50 x 19 pixels are too few`,
    );
  });

  test('of a photo of any size no more than the middle is kept in memory', async () => {
    const file = writeLines(inFolder('large.png'), 16400, 16400);
    const before = process.resourceUsage().maxRSS;
    const photo = await validationPhoto(file, 4, 384);
    // In kilobytes. The whole has 800,000 of them in 8 bits.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(300_000);
    expect([photo.size, photo.truth.shape]).toEqual([{width: 16400, height: 16400}, [384, 384, 3]]);
    disposePhotos([photo]);
    await expect(validationPhoto(file, 4, 16)).rejects.toThrow(
      `cannot measure on ${file}: the middle 16 of 16400 x 16400 pixels are too few`,
    );
  });
});

describe('the means over photos', () => {
  test('are finite, whatever the photos', async () => {
    const scores = {psnrY: 30, ssimY: 0.8, sharpness: 1};
    expect(meanScores([scores, {...scores, psnrY: Infinity}])).toEqual({psnrY: 65, ssimY: 0.8, sharpness: 1});
    // Of one colour but for a border that the metrics leave out.
    const flat = writePng(inFolder('flat.png'), 40, 40, (x, y) =>
      Math.min(x, y) < 4 ? placed(x, y) : [255, 255, 255],
    );
    const before = tf.memory().numTensors;
    await expect(validationPhoto(flat, 4)).rejects.toThrow(
      `cannot measure on ${flat}: what is measured of it is of one colour`,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

async function writeSampleSheet(file: string, ...drawn: Parameters<typeof sampleSheet>): Promise<void> {
  const sheet = await sampleSheet(...drawn);
  await writeImage(file, sheet);
  sheet.dispose();
}

describe('a sample sheet', () => {
  test('shows the same place four times, for photos of any size', async () => {
    // Odd numbers of low-resolution pixels, and one photo smaller than a cutting.
    const files = [
      writePng(inFolder('large.png'), 4 * 37, 4 * 45, (x, y) => [x < 72 ? 255 : 0, y < 88 ? 255 : 0, 0]),
      writePng(inFolder('little.png'), 40, 52, placed),
    ];
    const photos = [];
    for (const file of files) photos.push(await validationPhoto(file, 4));
    const model = repeating();
    await writeSampleSheet(inFolder('first.png'), model, photos);
    const before = tf.memory().numTensors;
    await writeSampleSheet(inFolder('sheet.png'), model, photos);
    expect(tf.memory().numTensors).toBe(before);
    const sheet = await readImage(inFolder('sheet.png'));
    expect(sheet.shape).toEqual([256 + 6 + 80, 4 * 256 + 3 * 6, 3]);
    const part = (top: number, left: number, size: number) => tf.slice(sheet, [top, left, 0], [size, size, 3]);
    const difference = async (a: tf.Tensor, b: tf.Tensor) => (await tf.mean(tf.abs(tf.sub(a, b))).data())[0]!;
    // This model repeats pixels, and so does the first column.
    expect(await difference(part(0, 0, 256), part(0, 524, 256))).toBe(0);
    expect(await difference(part(262, 0, 80), part(262, 172, 80))).toBe(0);
    // The edges lie between pixels of the low-resolution side, which overshoots there a little.
    expect(await difference(part(0, 0, 256), part(0, 786, 256))).toBeLessThan(0.01);
    // The gaps, and the room beside a small photo, are white.
    for (const [top, left] of [
      [0, 256],
      [256, 0],
      [262, 80],
      [262, 400],
    ] as const) {
      expect((await tf.min(part(top, left, 6)).data())[0]).toBe(1);
    }
  });
});

describe('a line chart', () => {
  const pointsOf = (svg: string) => [...svg.matchAll(/points="([^"]*)"/g)].map(match => match[1]!.split(' '));

  test('draws what is finite, inside its frame, with round ticks', () => {
    const svg = lineChart(
      'Losses',
      [
        {
          name: 'a',
          points: [
            [10, 0.5],
            [20, NaN],
            [30, 1.2],
            [40, Infinity],
          ],
        },
        {
          name: 'b',
          points: [
            [10, -0.3],
            [40, 0.1],
          ],
        },
      ],
      20,
    );
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(pointsOf(svg).map(points => points.length)).toEqual([2, 2]);
    for (const point of pointsOf(svg).flat()) {
      const [x, y] = point.split(',').map(Number);
      expect(x).toBeGreaterThanOrEqual(48);
      expect(x).toBeLessThanOrEqual(468);
      expect(y).toBeGreaterThanOrEqual(28);
      expect(y).toBeLessThanOrEqual(192);
    }
    expect([...svg.matchAll(/text-anchor="end">([-\d.]+)</g)].map(match => match[1])).toEqual([
      '-0.5',
      '0',
      '0.5',
      '1',
      '1.5',
    ]);
    expect(svg).toContain('stroke-dasharray');
  });

  test('draws nothing of nothing, and a run of a million steps', () => {
    expect(lineChart('Empty', [{name: 'a', points: [[1, NaN]]}], 0)).toBe('');
    const long = Array.from({length: 300_000}, (_, i) => [10 * i, 1] as const);
    expect(pointsOf(lineChart('Long', [{name: 'a', points: long}], 0))[0]).toHaveLength(300_000);
  });
});

test('a report needs nothing else, escapes what it is given and shows what there is', async () => {
  const folder = await takeRunFolder(inFolder('run'), {resume: false});
  const settings = {...DEFAULT_SETTINGS, data: 'a <b> & "c"', validation: '<i>', out: folder.path};
  const points = {bicubic: 25.123, start: 10, end: 26};
  const summary: TrainSummary = {
    backend: '<wasm>',
    steps: 30,
    seconds: 1,
    imagesPerSecond: 2,
    captured: false,
    // As a psnr of equal pictures is in a file.
    validation: {psnrY: points, ssimY: {bicubic: null as unknown as number}, sharpness: {}},
  };
  const write = async () => {
    await writeReport(folder, settings, summary);
    return readFileSync(folder.report, 'utf8');
  };
  // A run without a single log line or sample, as one that is stopped at once.
  expect(await write()).not.toMatch(/<svg|<img|NaN|undefined|null/);

  await appendToLog(folder.log, {step: 10, stage: 'warm-up', content: 0.2});
  await appendToLog(folder.log, {step: 20, stage: 'GAN', content: 0.1, discriminatorLoss: 1.3, generatorLoss: NaN});
  for (const name of ['after-warm-up', 'end', 'step-000010']) {
    writePng(inFolder('run', 'samples', `${name}.png`), 4, 4, placed);
  }
  writeFileSync(inFolder('run', 'samples', 'end.png.1234.tmp'), 'half');
  const page = await write();
  expect(page).toContain('a &#60;b&#62; &#38; &#34;c&#34;');
  expect(page).toContain('&#60;wasm&#62;');
  expect(page).not.toMatch(/<b>|<i>|NaN|undefined|null/);
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page).toMatch(/<td>PSNR-Y \(dB\)<\/td><td>25.12<\/td><td>10.00<\/td><td><\/td><td>26.00<\/td>/);
  expect([...page.matchAll(/<figcaption>([^<]*)/g)].map(match => match[1])).toEqual(['after warm up', 'end']);
  await folder.release();
  // Nothing is fetched: no address but those of the pictures inside.
  expect(page.match(/(src|href)="(?!data:image\/png;base64,)|url\(|@import|https?:/g)).toBeNull();
});

describeInChromium('a report in a page', () => {
  test('shows its pictures, curves and figures, and nothing goes wrong', async () => {
    const folder = await takeRunFolder(inFolder('shown'), {resume: false});
    const points = {bicubic: 25.123, start: 10, afterWarmup: 24, end: 26};
    for (const step of [10, 20, 30]) {
      await appendToLog(folder.log, {step, content: 1 / step, discriminatorLoss: 1.3, generatorLoss: step / 10});
    }
    for (const name of ['after-warm-up', 'end']) writePng(inFolder('shown', 'samples', `${name}.png`), 40, 30, placed);
    const settings = {...DEFAULT_SETTINGS, data: 'photos & more', warmupSteps: 20, steps: 10, out: folder.path};
    const validation = {psnrY: points, ssimY: points, sharpness: points};
    const summary = {backend: 'wasm', steps: 30, seconds: 1, imagesPerSecond: 2, captured: false, validation};
    await writeReport(folder, settings, summary, '3 of photos & more, held out of training');
    await folder.release();

    const browser = await launchChromium();
    try {
      const tab = await browser.newPage({viewport: {width: 1200, height: 900}});
      const problems: string[] = [];
      tab.on('console', message => problems.push(message.text()));
      tab.on('pageerror', error => problems.push(error.message));
      tab.on('request', request => {
        if (!/^(file|data):/.test(request.url())) problems.push(request.url());
      });
      await tab.goto(`file://${folder.report}`);
      const sizes = (selector: string) =>
        tab.$$eval(selector, all =>
          all.map(one => [one.getBoundingClientRect().width > 100, one.getBoundingClientRect().height > 50]),
        );
      expect(await tab.$$eval('img', all => all.map(one => [one.complete, one.naturalWidth]))).toEqual([
        [true, 40],
        [true, 40],
      ]);
      expect(await sizes('img')).toEqual([
        [true, true],
        [true, true],
      ]);
      expect(await sizes('svg')).toEqual([
        [true, true],
        [true, true],
      ]);
      expect(
        await tab.$$eval('polyline', all => all.map(one => (one as SVGPolylineElement).getTotalLength() > 100)),
      ).toEqual([true, true, true]);
      expect(await tab.$$eval('td', all => all.map(one => one.innerText))).toEqual(
        ['PSNR-Y (dB)', '25.12', '10.00', '24.00', '26.00'].concat(
          ['SSIM-Y', 'sharpness'].flatMap(name => [name, '25.123', '10.000', '24.000', '26.000']),
        ),
      );
      const text = await tab.innerText('body');
      expect(text).toContain('Photos: 3 of photos & more, held out of training.');
      expect(text).toContain('30 (20 warm-up, 10 GAN)');
      // Nothing is wider than a telephone.
      await tab.setViewportSize({width: 400, height: 800});
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
