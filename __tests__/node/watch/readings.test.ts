import {nearest, smooth, thin} from '../../../src/node/watch/page/curves.js';
import {duration, short} from '../../../src/node/watch/page/elements.js';
import {figures, statusOf} from '../../../src/node/watch/page/facts.js';
import {Readings, words} from '../../../src/node/watch/page/readings.js';

type Points = [number, number][];

describe('the numbers of a log', () => {
  const readings = new Readings();
  readings.add([{step: 0, evaluation: 'start', psnrY: 10, seconds: 0}]);
  for (let step = 10; step <= 400; step += 10) {
    const gan =
      step > 200 ? {discriminatorLoss: 1.4, generatorLoss: step === 210 ? null : 0.7, realLogit: 1, fakeLogit: -1} : {};
    readings.add([{step, stage: step > 200 ? 'GAN' : 'warm-up', content: 1 / step, ...gan, seconds: step / 20}]);
  }
  readings.add([{step: 400, evaluation: 'end', psnrY: 20, ssimY: 0.5, seconds: 20}]);

  test('are curves, one chart for what differs only in whose it is', () => {
    const families = readings.families();
    expect(families.map(({title, curves}) => [title, curves.map(({name, points}) => [name, points.length])])).toEqual([
      [
        'loss',
        [
          ['discriminator', 20],
          ['generator', 19],
        ],
      ],
      ['content', [['content', 40]]],
      [
        'logit',
        [
          ['real', 20],
          ['fake', 20],
        ],
      ],
      ['PSNR-Y', [['PSNR-Y', 2]]],
    ]);
    expect(families[0]!.curves[1]!.points[0]).toEqual([220, 0.7]);
    expect(readings.stageSteps).toEqual([200]);
    expect(readings.stepsPerSecond).toBeCloseTo(20);
  });

  test('are grouped by what they are of where their names say so', () => {
    const told = new Readings();
    const names = ['gradientNorm/generator', 'gradientNorm/discriminator', 'logits/realMean', 'logits/fakeMean'];
    names.push('logits/shareRight', 'weightedLoss/generatorLoss', 'weightedLoss/content', 'generatorLoss');
    for (const step of [10, 20]) told.add([{step, ...Object.fromEntries(names.map(name => [name, 1]))}]);
    expect(told.families().map(({title, curves}) => [title, ...curves.map(({name}) => name)])).toEqual([
      ['loss', 'generator'],
      ['gradient norm', 'generator', 'discriminator'],
      ['logits: mean', 'real', 'fake'],
      ['logits: share right', 'share right'],
      ['weighted loss', 'generator'],
      ['weighted loss: content', 'content'],
    ]);
  });

  test('are figures', () => {
    const settings = {steps: 300, warmupSteps: 200, batch: 4};
    expect(figures(readings, settings, true)).toEqual([
      ['step', '400 of 500'],
      ['stage', 'GAN'],
      ['time', '20 s'],
      ['speed', '80 images/s'],
      ['left', '5 s'],
      ['PSNR-Y, end', '20 dB'],
      ['SSIM-Y, end', '0.5'],
    ]);
    expect(figures(readings, {}, false).slice(0, 4)).toEqual([
      ['step', '400'],
      ['stage', 'GAN'],
      ['time', '20 s'],
      ['speed', '20 steps/s'],
    ]);
    expect(figures(new Readings(), {}, false)).toEqual([['step', '0']]);
    expect([statusOf(true, readings), statusOf(false, readings), statusOf(false, new Readings())]).toEqual([
      'running',
      'finished',
      'stopped',
    ]);
  });

  test('and their names are words', () => {
    expect(['psnrY', 'ssimY', 'generatorLoss', 'learningRate', 'r1'].map(words)).toEqual([
      'PSNR-Y',
      'SSIM-Y',
      'generator loss',
      'learning rate',
      'r1',
    ]);
    expect([0, 1234.5678, 0.00012345, -2e7, 0.0001].map(short)).toEqual(['0', '1235', '1.23e-4', '-2e7', '1e-4']);
    expect([5, 65, 3700, 90061].map(duration)).toEqual(['5 s', '1 min 5 s', '1 h 1 min', '1 d 1 h']);
  });
});

describe('a curve', () => {
  test('is smoothed by what was before, from its first value on', () => {
    const points: Points = [
      [0, 4],
      [1, 0],
      [2, 0],
    ];
    expect(smooth(points, 0)).toEqual(points);
    expect(smooth(points, 0.5)).toEqual([
      [0, 4],
      [1, 2 / 1.5],
      [2, 1 / 1.75],
    ]);
    const constant = smooth(
      Array.from({length: 1000}, (_, i) => [i, 3]),
      0.99,
    );
    for (const [, value] of constant) expect(value).toBeCloseTo(3, 10);
  });

  test('of many points is drawn by few, its peaks among them', () => {
    const points: Points = Array.from({length: 100_000}, (_, i) => [i, i === 54_321 ? 50 : i === 777 ? -50 : i % 7]);
    const thinned = thin(points, 300);
    expect(thinned.length).toBeLessThanOrEqual(1200);
    expect(thinned).toEqual([...new Map(thinned)].sort(([a], [b]) => a - b));
    for (const i of [0, 777, 54_321, 99_999]) expect(thinned).toContainEqual(points[i]);
    expect(thin(points.slice(0, 1000), 300)).toHaveLength(1000);
  });

  test('has a nearest point', () => {
    const points: Points = [
      [0, 1],
      [10, 2],
      [20, 3],
    ];
    expect([-5, 4, 6, 16, 99, Infinity].map(step => nearest(points, step)?.[0])).toEqual([0, 0, 10, 20, 20, 20]);
    expect(nearest([], 3)).toBeUndefined();
  });
});
