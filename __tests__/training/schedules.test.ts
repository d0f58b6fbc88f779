import {cosine, multiStep, warmUp} from 'tfjs-ragan';

describe('learning rates by the step', () => {
  test('warmUp rises to a rate, or along a schedule', () => {
    const rate = warmUp({steps: 4, rate: 0.1});
    expect([0, 1, 2, 3, 4, 1000].map(rate)).toEqual([0.025, 0.05, 0.1 * 0.75, 0.1, 0.1, 0.1]);
    expect([0, 1, 2].map(warmUp({steps: 2, rate: step => step}))).toEqual([0, 1, 2]);
    expect(warmUp({steps: 0, rate: 0.1})(0)).toBe(0.1);
  });

  test('multiStep is multiplied at each milestone', () => {
    const rate = multiStep({rate: 8, milestones: [10, 20], factor: 0.25});
    expect([0, 9, 10, 19, 20, 1e6].map(rate)).toEqual([8, 8, 2, 2, 0.5, 0.5]);
    expect([0, 1, 2, 3].map(multiStep({rate: 8, milestones: [3], warmUp: 2}))).toEqual([4, 8, 8, 4]);
  });

  test('cosine falls from the end of its warm-up to its last step, and stays', () => {
    const rate = cosine({rate: 1, steps: 110, minimum: 0.1, warmUp: 10});
    expect([0, 4, 9, 10].map(rate)).toEqual([0.1, 0.5, 1, 1]);
    expect(rate(60)).toBeCloseTo(0.55, 12);
    expect([110, 111, 1e9].map(rate)).toEqual([0.1, 0.1, 0.1]);
    for (let step = 10; step < 110; step++) expect(rate(step + 1)).toBeLessThan(rate(step));
  });

  test.each([
    [() => warmUp({steps: -1, rate: 1}), 'warmUp: steps must be a whole number of at least 0, but it is -1.'],
    [() => warmUp({steps: 1, rate: NaN}), 'warmUp: rate must be a number of at least 0, but it is NaN.'],
    [() => multiStep({rate: -1, milestones: []}), 'multiStep: rate must be a number of at least 0, but it is -1.'],
    [
      () => multiStep({rate: 1, milestones: [5, 5]}),
      'multiStep: milestones must be whole numbers in rising order, but they are [5,5].',
    ],
    [() => multiStep({rate: 1, milestones: [], warmUp: 0.5}), 'multiStep: warmUp must be a whole number'],
    [() => cosine({rate: 1, steps: 0}), 'cosine: steps must be a whole number of at least 1, but it is 0.'],
    [() => cosine({rate: 1, steps: 5, warmUp: 5}), 'cosine: warmUp must be below steps, 5, but it is 5.'],
    [() => cosine({rate: 1, steps: 5, minimum: Infinity}), 'cosine: minimum must be a number of at least 0'],
  ])('%#: refuses', (call, message) => {
    expect(call).toThrow(message);
  });
});
