import * as tf from '@tensorflow/tfjs';
import {PNG} from 'pngjs';
import {DEFAULT_SETTINGS} from 'tfjs-ragan/node';
import type {TrainSummary} from 'tfjs-ragan/node';
import {comparisons, detailedPart} from '../../../src/node/runs/comparison.js';
import {disposePhotos, validationPhoto} from '../../../src/node/runs/evaluation.js';
import {takeRunFolder} from '../../../src/node/runs/folder.js';
import {writeReport} from '../../../src/node/runs/report.js';
import {verdictOn} from '../../../src/node/runs/verdict.js';
import {describeOnBackends} from '../../support/backends.js';
import {describeInChromium, launchChromium} from '../../support/chromium.js';
import {placed, writePng} from '../../support/photos.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

const summaryOf = (
  psnrY: TrainSummary['validation']['psnrY'],
  sharpness: TrainSummary['validation']['psnrY'] = {},
): TrainSummary => ({
  backend: 'wasm',
  steps: 1,
  seconds: 1,
  imagesPerSecond: 1,
  captured: false,
  validation: {psnrY, ssimY: {}, sharpness},
});

describe('the verdict', () => {
  const sharper = {bicubic: 0.5, start: 0.1, afterWarmup: 0.6, end: 0.9};
  test.each([
    [{bicubic: 25, end: 26.24}, sharper, 'good', 'Better than bicubic by 1.2 dB, and sharper'],
    [{bicubic: 25, end: 25.5}, {bicubic: 0.5, end: 0.4}, 'good', 'Better than bicubic by 0.50 dB'],
    [{bicubic: 25, end: 24.5}, sharper, 'mixed', 'Sharper than bicubic, and 0.50 dB further from the truth'],
    [{bicubic: 25, end: 25.02}, sharper, 'mixed', 'Sharper than bicubic, and as close to the truth'],
    [{bicubic: 25, end: 22}, {bicubic: 0.5, end: 0.4}, 'bad', 'Worse than bicubic by 3.0 dB'],
    // As sharp as noise is.
    [{bicubic: 25, end: 22}, {bicubic: 0.5, end: 1.6}, 'bad', 'Worse than bicubic by 3.0 dB'],
    [{bicubic: 25, end: 25}, {}, 'bad', 'No better than bicubic'],
  ])('on %j and %j is %s: %s', (psnrY, sharpness, kind, headline) => {
    expect(verdictOn(summaryOf(psnrY, sharpness))).toMatchObject({kind, headline});
  });

  test('names the figures, and when they are of before the end', () => {
    expect(verdictOn(summaryOf({bicubic: 25, start: 10, afterWarmup: 26, end: 26.5}, sharper))!.figures).toBe(
      "PSNR-Y 26.50 dB, bicubic 25.00 dB; sharpness 0.90 of the truth's, bicubic 0.50.",
    );
    expect(verdictOn(summaryOf({bicubic: 25, start: 10, afterWarmup: 26}))!.figures).toBe(
      'After the warm-up, PSNR-Y 26.00 dB, bicubic 25.00 dB.',
    );
    expect(verdictOn(summaryOf({bicubic: 25, start: 10}))!.figures).toMatch(/^Before training, PSNR-Y 10.00 dB/);
    expect(verdictOn(summaryOf({bicubic: 25}))).toBeUndefined();
    expect(verdictOn(summaryOf({}))).toBeUndefined();
    // As files have what is not finite.
    expect(verdictOn(summaryOf({bicubic: null as unknown as number, end: 26}))).toBeUndefined();
  });
});

describeOnBackends('comparisons', backend => {
  /** A model that enlarges four times by repeating pixels. */
  const repeating = () => {
    const input = tf.input({shape: [null, null, 3]});
    return tf.model({inputs: input, outputs: tf.layers.upSampling2d({size: [4, 4]}).apply(input) as tf.SymbolicTensor});
  };

  test('are of the most detailed part', async () => {
    // Noise in a square of 32 at (88, 41), and a faint slope elsewhere.
    const image = tf.tidy(() => {
      const noise: tf.Tensor3D = tf.pad(tf.randomUniform([32, 32, 3], -0.5, 0.5, 'float32', 1), [
        [88, 200 - 88 - 32],
        [41, 161 - 41 - 32],
        [0, 0],
      ]);
      return tf.add<tf.Tensor3D>(noise, tf.expandDims(tf.linspace(0, 0.2, 161), 1));
    });
    const before = tf.memory().numTensors;
    expect(await detailedPart(image, 32, 1)).toEqual({top: 88, left: 41, height: 32, width: 32});
    expect(await detailedPart(image, 34, 4)).toEqual({top: 88, left: 40, height: 32, width: 32});
    expect(await detailedPart(image, 500, 4)).toMatchObject({top: 0, left: 0, height: 200, width: 160});
    const {top, left, height, width} = await detailedPart(image, 64, 4);
    expect([top <= 88, left <= 41, top + height >= 120, left + width >= 73]).toEqual([true, true, true, true]);
    const flat = tf.zeros<tf.Rank.R3>([8, 8, 3]);
    expect(await detailedPart(flat, 4, 4)).toEqual({top: 0, left: 0, height: 4, width: 4});
    flat.dispose();
    expect(tf.memory().numTensors).toBe(before);
    image.dispose();
  });

  test('show the same place four times', async () => {
    const file = writePng(inFolder(`${backend}.png`), 288, 260, (x, y) => (x > 144 ? placed(x, y) : [9, 9, 9]));
    const photo = await validationPhoto(file, 4);
    const model = repeating();
    const before = tf.memory().numTensors;
    const [made] = await comparisons(model, [photo]);
    expect(tf.memory().numTensors).toBe(before);
    expect(made).toMatchObject({name: `${backend}.png`, width: 256, height: 256});
    const pixels = ({data, width}: PNG, x: number, y: number) => [...data.subarray(4 * (y * width + x)).subarray(0, 3)];
    const {low, bicubic, now, truth} = made!;
    const [lowPng, bicubicPng, nowPng, truthPng] = [low, bicubic, now, truth].map(one => PNG.sync.read(one));
    expect([lowPng!.width, bicubicPng!.width, nowPng!.width, truthPng!.width]).toEqual([64, 256, 256, 256]);
    for (const [x, y] of [
      [0, 0],
      [77, 130],
      [255, 255],
    ] as const) {
      // This model repeats pixels.
      expect(pixels(nowPng!, x, y)).toEqual(pixels(lowPng!, x >> 2, y >> 2));
    }
    // The right part of the photo is the detailed one.
    const corner = placed(288 - 256 + 255, 0).map(value => value % 256);
    expect(pixels(truthPng!, 255, 0)[0]).toBe(corner[0]);
    disposePhotos([photo]);
    model.dispose();
  });
});

describeInChromium('a comparison in a report', () => {
  test('has a handle that the pointer and the keyboard move, and sides to choose', async () => {
    const folder = await takeRunFolder(inFolder('run'), {resume: false});
    const png = (red: number) => PNG.sync.write(Object.assign(new PNG({width: 40, height: 40}), {data: colour(red)}));
    const colour = (red: number) => Buffer.from(Array.from({length: 1600}, () => [red, 0, 0, 255]).flat());
    const compared = {width: 40, height: 40, low: png(10), bicubic: png(80), now: png(160), truth: png(240)};
    const settings = {...DEFAULT_SETTINGS, data: 'photos', out: folder.path};
    const summary = summaryOf({bicubic: 25, end: 26.2});
    await writeReport(folder, settings, summary, 'photos', [
      {...compared, name: 'a<b>.png'},
      {...compared, name: 'b.png'},
      {...compared, name: 'c.png'},
    ]);
    await folder.release();
    const browser = await launchChromium();
    try {
      const tab = await browser.newPage({viewport: {width: 1000, height: 900}});
      const problems: string[] = [];
      tab.on('console', message => problems.push(message.text()));
      tab.on('pageerror', error => problems.push(error.message));
      tab.on('request', request => {
        if (!/^(file|data):/.test(request.url())) problems.push(request.url());
      });
      await tab.goto(`file://${folder.report}`);
      expect(await tab.innerText('.verdict strong')).toBe('Better than bicubic by 1.2 dB');
      expect(await tab.$$eval('figcaption', all => all.map(one => one.textContent))).toEqual([
        'a<b>.png',
        'b.png',
        'c.png',
      ]);
      // None is left over for a row of its own.
      const tops = await tab.$$eval('.stack', all => all.map(one => one.getBoundingClientRect().top));
      expect(new Set(tops).size).toBe(1);
      /** The red that is seen at a place of the first comparison, in parts of its width. */
      const seen = async (at: number) => {
        const {data, width} = PNG.sync.read(await tab.locator('.stack').first().screenshot());
        return data[4 * (60 * width + Math.round(at * width))]!;
      };
      expect([await seen(0.4), await seen(0.6)]).toEqual([80, 160]);
      const input = tab.locator('.stack input').first();
      await input.focus();
      await tab.keyboard.press('Home');
      expect([await seen(0.3), await seen(0.6)]).toEqual([160, 160]);
      await tab.keyboard.press('End');
      expect([await seen(0.3), await seen(0.6)]).toEqual([80, 80]);
      const box = (await input.boundingBox())!;
      await tab.mouse.click(box.x + 0.25 * box.width, box.y + 0.7 * box.height);
      expect([await seen(0.2), await seen(0.3)]).toEqual([80, 160]);
      // The others stay where they are.
      expect(await tab.locator('.stack input').last().inputValue()).toBe('50');
      await tab.mouse.move(box.x + 0.25 * box.width, box.y + 0.7 * box.height);
      await tab.mouse.down();
      await tab.mouse.move(box.x + 0.8 * box.width, box.y + 0.7 * box.height);
      await tab.mouse.up();
      expect([await seen(0.75), await seen(0.85)]).toEqual([80, 160]);
      expect(await input.getAttribute('aria-valuetext')).toBe('80 % bicubic');
      await tab.check('input[value=truth]');
      expect([await seen(0.3), await seen(0.85)]).toEqual([240, 160]);
      expect(await tab.$$eval('.tag.left', all => all.map(one => one.textContent))).toEqual([
        'truth',
        'truth',
        'truth',
      ]);
      await tab.check('input[value=low]');
      expect(await seen(0.3)).toBe(10);
      await tab.setViewportSize({width: 380, height: 800});
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
      expect(problems).toEqual([]);

      // Without scripts it shows one half of each.
      const plain = await browser.newPage({javaScriptEnabled: false});
      await plain.goto(`file://${folder.report}`);
      const {data, width} = PNG.sync.read(await plain.locator('.stack').first().screenshot());
      expect([0.3, 0.7].map(at => data[4 * (60 * width + Math.round(at * width))])).toEqual([80, 160]);
    } finally {
      await browser.close();
    }
  });
});
