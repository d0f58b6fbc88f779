import {Writable} from 'node:stream';
import {setTimeout} from 'node:timers/promises';
import {progressDisplay} from '../../../src/node/runs/progress-display.js';

/** What a terminal of 80 columns, or a file, is sent. */
function output(isTTY: boolean) {
  const sent: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      sent.push(chunk.toString());
      done();
    },
  });
  return {
    stream: Object.assign(stream, {isTTY, columns: 80}) as unknown as NodeJS.WriteStream,
    text: () => sent.join(''),
  };
}

const losses = {content: 0.012345, discriminatorLoss: 1.386, generatorLoss: 1.4};
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
// eslint-disable-next-line no-control-regex
const lines = (text: string) => text.replace(/\u001b(\[[?\d;]*[a-zA-Z]|\d)/g, '\n').split('\n');

test('a terminal gets a bar of one line, with what is said above it', async () => {
  const {stream, text} = output(true);
  const progress = progressDisplay(stream);
  progress.say('backend wasm');
  expect(text()).toBe('backend wasm\n');
  progress.start(100, 900);
  progress.losses(losses);
  progress.step(101, 'warm-up', {imagesPerSecond: 26.14, secondsLeft: 245});
  await setTimeout(300);
  progress.say('skipping a photo');
  progress.step(899, 'GAN', {imagesPerSecond: 123456.7, secondsLeft: 7300});
  progress.losses({...losses, discriminatorLoss: -1.23e-15, generatorLoss: 98765.4});
  progress.step(900, 'GAN', {imagesPerSecond: 123456.7, secondsLeft: 0});
  await setTimeout(300);
  progress.stop();
  expect(text()).toContain(HIDE_CURSOR);
  expect(text().lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text().lastIndexOf(HIDE_CURSOR));
  expect(text()).toMatch(/warm-up \S+ 101\/900 {2}26\.1 images\/s {2}4m05s left {2}content 0\.0123 {2}D 1\.39 {2}G/);
  expect(text()).toMatch(/GAN \S+ 900\/900 {2}123456\.7 images\/s {2}0s left/);
  expect(lines(text())).toContain('skipping a photo');
  // A line as wide as the terminal would begin another.
  for (const line of lines(text())) expect(line.length).toBeLessThan(80);
  progress.say('done');
  expect(text().endsWith('done\n')).toBe(true);
});

test('a file gets plain lines, not one for each step', () => {
  const {stream, text} = output(false);
  const now = jest.spyOn(Date, 'now').mockReturnValue(1e6);
  const progress = progressDisplay(stream);
  progress.start(0, 50);
  progress.losses(losses);
  for (let step = 1; step <= 50; step++) {
    now.mockReturnValue(1e6 + 400 * step);
    progress.step(step, 'GAN', {imagesPerSecond: 20, secondsLeft: 50 - step});
  }
  progress.stop();
  now.mockRestore();
  expect(text().split('\n')).toEqual([
    'GAN 13/50  20.0 images/s  37s left  content 0.0123  D 1.39  G 1.40',
    'GAN 26/50  20.0 images/s  24s left  content 0.0123  D 1.39  G 1.40',
    'GAN 39/50  20.0 images/s  11s left  content 0.0123  D 1.39  G 1.40',
    '',
  ]);
});
