import {readFileSync} from 'node:fs';
import {inExample, runExample} from '../support/examples.js';
import {temporaryFolder} from '../support/temporary-folder.js';

const inFolder = temporaryFolder();
const train = (...args: string[]) => runExample('gaussians/train.js', ...args);

test('trains a GAN for each loss and shows what they found', () => {
  const picture = inFolder('gaussians.svg');
  const {status, stdout, stderr} = train('--steps', '3', '--seeds', '2', '--backend', 'wasm', '--out', picture);
  expect([status, stderr]).toEqual([0, '']);
  for (const loss of ['standard', 'relativistic average', 'paired + R1 + R2']) {
    for (const seed of [1, 2]) expect(stdout).toContain(`${loss}, seed ${seed}: `);
    const row = stdout.split('\n').find(line => line.startsWith(`| ${loss} |`));
    expect(row).toMatch(/\| \d+(\.\d)? \(\d+ to \d+\) \| \d+ % \(\d+ % to \d+ %\) \|$/);
  }
  const svg = readFileSync(picture, 'utf8');
  expect(svg).toMatch(/^<svg [^]*<\/svg>\n$/);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  const count = (pattern: RegExp) => (svg.match(pattern) ?? []).length;
  // For each loss a picture of the samples, and for both measures a line for each seed, of the beginning and 3 steps.
  expect(count(/<circle /g)).toBe(3 * 25);
  expect(svg.match(/<polyline [^>]*>/g)).toHaveLength(3 * 2 * 2);
  for (const [, points] of svg.matchAll(/<polyline [^>]*points="([^"]*)"/g)) expect(points!.split(' ')).toHaveLength(4);
}, 240_000);

test('tells its options, and which it does not take', () => {
  expect(train('--help')).toMatchObject({status: 0, stderr: ''});
  expect(train('--help').stdout).toContain('--seeds N');
  expect(train('--steps', '1.5')).toMatchObject({status: 2});
  expect(train('--steps', '1.5').stderr).toContain('--steps must be a whole number of at least 1, but it is 1.5');
  expect(train('--stepz', '1').stderr).toContain("Unknown option '--stepz'");
});

describe('the measures', () => {
  const measured = (samples: string) =>
    inExample('gaussians/gaussians.js', `(async () => example.measure(await ${samples}))()`);

  test('of real samples are all modes and nearly all samples', () => {
    const {modes, share} = measured(
      '(await (await example.gaussians({batch: 2500, seed: 1}).iterator()).next()).value.array()',
    ) as {modes: number; share: number};
    expect(modes).toBe(25);
    // Of a two-dimensional Gaussian 1 - exp(-9 / 2) = 0.9889 is within three standard deviations.
    expect(Math.abs(share - 0.9889)).toBeLessThan(0.01);
  });

  test('count as they are defined', () => {
    const at = (x: number, y: number, count: number) => `...Array(${count}).fill([${x}, ${y}])`;
    const samples = [at(0, 0, 19), at(2.1, -1.9, 20), at(0.16, 1, 21), at(-2, -2, 40), at(9, 9, 100)];
    expect(measured(`[${samples.join()}]`)).toEqual({modes: 2, share: 79 / 200});
  });
});
