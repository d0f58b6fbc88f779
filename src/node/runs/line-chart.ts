/** One curve: points of x and y, in order. */
export interface Series {
  name: string;
  points: (readonly [number, number])[];
}

const WIDTH = 480;
const HEIGHT = 220;
const MARGIN = {left: 48, right: 12, top: 28, bottom: 28};

/**
 * A chart of up to two curves over steps as inline SVG, in the colours `--a` and `--b` of the page; a dashed line marks
 * the step `mark`.
 */
export function lineChart(title: string, series: Series[], mark: number): string {
  const curves = series.map(one => one.points.filter(([, y]) => Number.isFinite(y)));
  const points = curves.flat();
  if (points.length === 0) return '';
  const [xMin, xMax] = range(points.map(([x]) => x));
  const ticks = niceTicks(...range(points.map(([, y]) => y)));
  const [yMin, yMax] = [ticks[0]!, ticks.at(-1)!];
  const px = (x: number) => MARGIN.left + ((x - xMin) / (xMax - xMin || 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const py = (y: number) =>
    HEIGHT - MARGIN.bottom - ((y - yMin) / (yMax - yMin || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const grid = ticks.map(
    y =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${py(y)}" y2="${py(y)}" stroke="var(--line)"/>` +
      `<text x="${MARGIN.left - 6}" y="${py(y) + 4}" text-anchor="end">${Number(y.toPrecision(3))}</text>`,
  );
  const colours = ['var(--a)', 'var(--b)'];
  const paths = curves.map((curve, i) => {
    const path = curve.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ');
    return `<polyline fill="none" stroke="${colours[i]}" stroke-width="1.8" points="${path}"/>`;
  });
  const legend = series.map(
    (one, i) =>
      `<text x="${WIDTH - MARGIN.right - 90 * (series.length - 1 - i)}" y="16" text-anchor="end" style="fill:${colours[i]}">${one.name}</text>`,
  );
  const marked =
    mark > xMin && mark < xMax
      ? `<line x1="${px(mark)}" x2="${px(mark)}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" stroke="var(--quiet)" stroke-dasharray="4 4"/>`
      : '';
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}"><text x="${MARGIN.left}" y="16">${title}</text>` +
    `${grid.join('')}${marked}${paths.join('')}${series.length > 1 ? legend.join('') : ''}` +
    `<text x="${MARGIN.left}" y="${HEIGHT - 8}">${xMin}</text><text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 8}" text-anchor="end">step ${xMax}</text></svg>`
  );
}

/** The least and the greatest of the values and 0. They can be too many to be arguments of `Math.max`. */
function range(values: number[]): [number, number] {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [0, 0]);
}

/** Round numbers that span the range, about one more than there are to be steps between them. */
export function niceTicks(low: number, high: number, steps = 4): number[] {
  const rough = (high - low || 1) / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough)!;
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  return Array.from({length: last - first + 1}, (_, i) => (first + i) * step);
}
