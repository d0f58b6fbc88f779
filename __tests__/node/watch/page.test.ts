import type {Browser, Page} from 'playwright-core';
import {appendFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {saveCheckpoint} from '../../../src/node/runs/checkpoint.js';
import type {Watch} from '../../../src/node/watch/server.js';
import {watchRun} from '../../../src/node/watch/server.js';
import {describeInChromium, launchChromium} from '../../support/chromium.js';
import {writePng} from '../../support/photos.js';
import {log, makeRun} from '../../support/run.js';
import {temporaryFolder} from '../../support/temporary-folder.js';

const inFolder = temporaryFolder();

describeInChromium('the page of a run', () => {
  let browser: Browser;
  let run: string;
  let watch: Watch;
  let page: Page;
  let problems: string[];
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    run = makeRun(inFolder('a <i>run'), {sheets: [10, 20, 30]});
    const settings = {out: run, data: '<b>photos', scale: 4, batch: 2, warmupSteps: 15, steps: 25, threads: undefined};
    await saveCheckpoint(join(run, 'checkpoint.bin'), {models: {}, optimizers: {}}, {step: 30, settings});
    watch = await watchRun(run, 0);
    page = await browser.newPage({viewport: {width: 1200, height: 800}});
    page.setDefaultTimeout(10_000);
    problems = [];
    page.on('console', message => problems.push(message.text()));
    page.on('pageerror', error => problems.push(error.message));
    page.on('request', request => {
      if (!request.url().startsWith(watch.url)) problems.push(request.url());
    });
    await page.goto(watch.url);
    await page.waitForSelector('.chart .curve', {state: 'attached'});
  });
  afterEach(async () => {
    await page.close();
    await watch.close();
    rmSync(run, {recursive: true, force: true});
    expect(problems).toEqual([]);
  });

  const figures = () => page.$$eval('#figures dd', all => all.map(one => one.textContent));
  /** Waits until something says so. The page lets no test evaluate a string in it. */
  const becomes = async (selector: string, text: string) => {
    for (const end = Date.now() + 10_000; Date.now() < end;) {
      if ((await page.locator(selector).first().innerText()) === text) return;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    throw new Error(`${selector} does not become ${text}`);
  };
  const charts = () => page.$$eval('.chart h3', all => all.map(one => one.textContent));
  const shown = () =>
    page.$eval('.gallery img', image =>
      (image as HTMLImageElement).decode().then(() => (image as HTMLImageElement).naturalWidth),
    );
  const length = () =>
    page.$eval('.chart .curve', one => (one as SVGPolylineElement).getAttribute('points')!.split(' ').length);
  const chart = (title: string) =>
    page.locator('.chart', {has: page.locator('h3', {hasText: new RegExp(`^${title}$`)})});

  test('shows its curves, figures and settings, and what it is called as text', async () => {
    expect(await charts()).toEqual(['loss', 'content']);
    expect(
      await page.$$eval('.curve', all => all.map(one => (one as SVGPolylineElement).getTotalLength() > 100)),
    ).toEqual([true, true, true]);
    expect(await chart('loss').locator('.legend').innerText()).toMatch(/^discriminator 1\.4\s+generator 0\.\d+$/);
    expect(await page.innerText('#name')).toBe('a <i>run');
    expect(await page.innerText('#status')).toBe('stopped');
    expect((await figures()).slice(0, 4)).toEqual(['30 of 40', 'GAN', '3 s', '20 images/s']);
    await page.click('summary');
    expect(await page.innerText('#settings')).toMatch(/data\s+<b>photos\s+scale\s+4/);
    expect(await page.$$eval('i, b > b', all => all.length)).toBe(0);
    expect(await page.title()).toBe('75 % a <i>run');
    // Where a stage begins, in each chart.
    expect(await page.$$eval('.mark', all => all.length)).toBe(2);
  });

  test('follows the run: new lines and sheets appear, also of a line that was half there', async () => {
    log(run, {step: 31, stage: 'GAN', content: 0.5, discriminatorLoss: 1, generatorLoss: 1, seconds: 3.1});
    appendFileSync(join(run, 'log.jsonl'), '{"step": 40, "stage": "GAN", "content": 0.');
    await becomes('#figures dd', '31 of 40');
    appendFileSync(join(run, 'log.jsonl'), '25, "imagesPerSecond": 7, "seconds": 4}\n');
    log(run, {step: 40, evaluation: 'end', psnrY: 20});
    writePng(join(run, 'samples', 'end.png'), 40, 8, () => [9, 9, 9]);
    await becomes('#status', 'finished');
    expect((await figures()).at(-1)).toBe('20 dB');
    expect(await charts()).toEqual(['loss', 'content', 'PSNR-Y']);
    expect(await chart('content').locator('.curve').getAttribute('points')).toMatch(/^(\S+ ){31}\S+$/);
    // It was at the newest, and stays there.
    await becomes('.gallery b', 'end');
    expect(await shown()).toBe(40);
  });

  test('begins anew when the run goes on from a checkpoint', async () => {
    rmSync(join(run, 'log.jsonl'));
    writeFileSync(join(run, 'log.jsonl'), '');
    log(run, {step: 1, stage: 'warm-up', content: 1, seconds: 1}, {step: 2, stage: 'warm-up', content: 1, seconds: 2});
    await becomes('#figures dd', '2 of 40');
    expect(await charts()).toEqual(['content']);
    expect(await length()).toBe(2);
  });

  test('has a slider over the sample sheets, for the keyboard too, and plays them', async () => {
    expect([await shown(), await page.innerText('.gallery output')]).toEqual([30, 'step 30 3 of 3']);
    await page.focus('.gallery input');
    await page.keyboard.press('ArrowLeft');
    expect([await shown(), await page.innerText('.gallery output')]).toEqual([20, 'step 20 2 of 3']);
    await page.keyboard.press('Home');
    expect(await shown()).toBe(10);
    expect(await page.getAttribute('.gallery input', 'aria-valuetext')).toBe('step 10');
    // It stays where it was put.
    writePng(join(run, 'samples', 'step-000035.png'), 35, 8, () => [9, 9, 9]);
    await becomes('.gallery output', 'step 10 1 of 4');
    expect(await shown()).toBe(10);
    await page.click('text=Play');
    await becomes('.gallery output', 'step 35 4 of 4');
    await page.waitForSelector('text=Play');
    expect(await page.$$eval('.columns span', all => all.map(one => one.textContent))).toEqual([
      'low resolution',
      'bicubic',
      'now',
      'truth',
    ]);
  });

  test('tells the values under the pointer and the arrow keys', async () => {
    const legend = chart('content').locator('.legend');
    const svg = chart('content').locator('svg');
    await page.evaluate(`document.querySelector('#smoothing').value = 0`);
    await page.locator('#smoothing').dispatchEvent('input');
    expect(await legend.innerText()).toBe('0.03333');
    await svg.focus();
    await page.keyboard.press('Home');
    expect(await legend.innerText()).toMatch(/^step 1\s+1$/);
    await page.keyboard.press('ArrowRight');
    expect(await legend.innerText()).toMatch(/^step 2\s+0\.5$/);
    expect(await svg.getAttribute('aria-label')).toBe('content, step 2: content 0.5');
    await page.keyboard.press('Escape');
    expect(await legend.innerText()).toBe('0.03333');
    await svg.hover();
    expect(await legend.innerText()).toMatch(/^step 1[3-6]\s/);
    await page.mouse.move(0, 0);
    expect(await legend.innerText()).toBe('0.03333');
  });

  test('smooths, cuts and scales the curves', async () => {
    const content = () => chart('content').locator('.curve').getAttribute('points');
    const smoothed = await content();
    await page.evaluate(`document.querySelector('#smoothing').value = 0`);
    await page.locator('#smoothing').dispatchEvent('input');
    expect(await content()).not.toBe(smoothed);
    expect(await page.$$eval('.raw', all => all.length)).toBe(0);
    const linear = await content();
    await page.check('#logarithmic');
    expect(await content()).not.toBe(linear);
    await page.selectOption('#last', '0.5');
    expect((await content())!.split(' ')).toHaveLength(15);
    // One value alone has its place too, in the middle of some that are told.
    log(run, {step: 30, evaluation: 'end', psnrY: 31.4, seconds: 3});
    await becomes('.chart:last-child .legend', '31.4');
    const only = chart('PSNR-Y');
    const [, top, , height] = (await only.locator('svg').getAttribute('viewBox'))!.split(' ').map(Number);
    expect(Number(await only.locator('circle').getAttribute('cy')) / (height! - top!)).toBeCloseTo(0.47, 1);
    expect(await only.locator('.grid').count()).toBeGreaterThan(1);
  });

  test('fits a telephone, and follows the theme', async () => {
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await paper();
    await page.emulateMedia({colorScheme: 'dark'});
    expect(await paper()).not.toBe(light);
    await page.setViewportSize({width: 380, height: 800});
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
  });

  test('says so when it is not up to date any more', async () => {
    await watch.close();
    await page.waitForSelector('#lost:not([hidden])');
    expect(await page.innerText('#lost')).toContain('Not up to date');
    // Chromium tells of requests that fail.
    expect(problems.filter(problem => !problem.includes('ERR_CONNECTION'))).toEqual([]);
    problems = [];
    await page.close();
  });
});
