import type {Curve} from './readings.js';

type Points = Curve['points'];

/**
 * A curve with its noise taken out: each value is an average of those before it, of which the one before counts `weight`
 * times as much as the next, from 0 (nothing is averaged) to below 1.
 */
export function smooth(points: Points, weight: number): Points {
  if (weight === 0) return points;
  let [sum, counted] = [0, 0];
  return points.map(([step, value]) => {
    sum = weight * sum + value;
    counted = weight * counted + 1;
    return [step, sum / counted];
  });
}

/** As many points as can be told apart in `columns` of pixels: of each the first, the least, the greatest and the last. */
export function thin(points: Points, columns: number): Points {
  if (points.length <= 4 * columns) return points;
  const [first, last] = [points[0]![0], points.at(-1)![0]];
  const column = (step: number) => Math.floor(((step - first) / (last - first || 1)) * (columns - 1));
  const kept: Points = [];
  for (let start = 0; start < points.length;) {
    let [end, least, greatest] = [start, start, start];
    for (; end < points.length && column(points[end]![0]) === column(points[start]![0]); end++) {
      if (points[end]![1] < points[least]![1]) least = end;
      if (points[end]![1] > points[greatest]![1]) greatest = end;
    }
    const chosen = [...new Set([start, least, greatest, end - 1])].sort((a, b) => a - b);
    kept.push(...chosen.map(i => points[i]!));
    start = end;
  }
  return kept;
}

/** The point that is nearest to a step. */
export function nearest(points: Points, step: number): Points[number] | undefined {
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] < step) low = middle;
    else high = middle;
  }
  const [a, b] = [points[low], points[high]];
  return a && b && step - a[0] > b[0] - step ? b : a;
}
