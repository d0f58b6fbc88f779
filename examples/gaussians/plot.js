// The picture of the results: for each loss the samples of its first GAN, and the measures of all of them over the steps.
import {DEVIATION, GOOD_WITHIN, MODES} from './gaussians.js';

const PANEL = 300;
const GAP = 44;
const LEFT = 40;
const CHART = {top: PANEL + 108, height: 130, apart: 190};
/** The samples that are drawn of each GAN. */
const DRAWN = 1000;
/** Data coordinates end so far from 0. */
const REACH = 2.6;

/**
 * An SVG of the results, in light or dark colours as the reader's system has them.
 *
 * @param results the runs by the name of the loss, each with its samples and its curve.
 * @param steps how many steps each has taken.
 */
export function plot(results, steps) {
  const names = Object.keys(results);
  const width = LEFT + names.length * (PANEL + GAP);
  const height = CHART.top + CHART.apart + CHART.height + 32;
  const panels = names.map((name, i) => panel(name, results[name], steps, LEFT + i * (PANEL + GAP)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Samples, modes covered and share of good samples by loss">
<style>
:root { --ink: #1c2126; --quiet: #5f6973; --line: #dde2e7; --paper: #fff; --a: #2563c9; --b: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #9aa4ad; --line: #343c44; --paper: #14181c; --a: #7aa7f7; --b: #f2955f; } }
text { font: 12px system-ui, sans-serif; fill: var(--quiet); } .name { font-size: 15px; font-weight: 600; fill: var(--ink); }
</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
${panels.join('\n')}
</svg>
`;
}

function panel(name, runs, steps, left) {
  const {samples, curve} = runs[0];
  const {modes, share} = curve.at(-1);
  const chart = (row, title, member, most, unit) =>
    lines(
      title,
      runs.map(run => run.curve.map(point => [point.step, point[member]])),
      {
        left,
        top: CHART.top + row * CHART.apart,
        steps,
        most,
        unit,
      },
    );
  return [
    `<text class="name" x="${left}" y="24">${name}</text>`,
    scatter(samples, left, 36),
    `<text x="${left}" y="${PANEL + 56}">seed 1: ${modes} modes covered, ${(100 * share).toFixed(0)} % good samples</text>`,
    chart(0, 'modes covered', 'modes', MODES.length, 1),
    chart(1, 'good samples, %', 'share', 1, 100),
  ].join('\n');
}

/** Samples as dots, on circles within which they are good. */
function scatter(samples, left, top) {
  const [px, py] = [x => left + ((x + REACH) / (2 * REACH)) * PANEL, y => top + ((REACH - y) / (2 * REACH)) * PANEL];
  const radius = ((GOOD_WITHIN * DEVIATION) / (2 * REACH)) * PANEL;
  const circles = MODES.map(
    ({x, y}) => `<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="${radius.toFixed(1)}"/>`,
  );
  const dots = samples
    .slice(0, DRAWN)
    .filter(([x, y]) => Math.max(Math.abs(x), Math.abs(y)) < REACH)
    .map(([x, y]) => `M${px(x).toFixed(1)} ${py(y).toFixed(1)}h0`);
  return (
    `<rect x="${left}" y="${top}" width="${PANEL}" height="${PANEL}" fill="none" stroke="var(--line)"/>` +
    `<g fill="none" stroke="var(--b)" stroke-opacity="0.7">${circles.join('')}</g>` +
    `<path d="${dots.join('')}" fill="none" stroke="var(--a)" stroke-opacity="0.6" stroke-width="2" stroke-linecap="round"/>`
  );
}

/** A line for each run, from 0 to `most`. */
function lines(title, curves, {left, top, steps, most, unit}) {
  const [px, py] = [x => left + (x / steps) * PANEL, y => top + CHART.height * (1 - y / most)];
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1].map(part => part * most);
  const grid = ticks.map(
    y =>
      `<line x1="${left}" x2="${left + PANEL}" y1="${py(y)}" y2="${py(y)}" stroke="var(--line)"/>` +
      `<text x="${left - 6}" y="${py(y) + 4}" text-anchor="end">${Math.round(y * unit)}</text>`,
  );
  const paths = curves.map(curve => {
    const points = curve.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ');
    return `<polyline fill="none" stroke="var(--a)" stroke-opacity="0.75" stroke-width="1.5" points="${points}"/>`;
  });
  return (
    `<text x="${left}" y="${top - 10}">${title}</text>${grid.join('')}${paths.join('')}` +
    `<text x="${left}" y="${top + CHART.height + 18}">0</text>` +
    `<text x="${left + PANEL}" y="${top + CHART.height + 18}" text-anchor="end">step ${steps}</text>`
  );
}
