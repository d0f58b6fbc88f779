import {niceTicks} from '../../runs/line-chart.js';
import {nearest, smooth, thin} from './curves.js';
import {count, html, short, svg} from './elements.js';
import type {Curve, Family} from './readings.js';

/** How every chart is drawn. */
export interface View {
  /** See `smooth`. */
  smoothing: number;
  logarithmic: boolean;
  /** The part of the steps that is shown: the last so much of all, from 0 to 1. */
  last: number;
  /** Steps at which a stage begins. */
  marks: number[];
}

const HEIGHT = 210;
const MARGIN = {left: 52, right: 14, top: 10, bottom: 24};

/** Colours of the page, `--a` and after; a chart of more curves begins again. */
const COLOURS = ['a', 'b', 'c', 'd'];

/** Few points are seen by their dots. */
const FEW = 12;

/** A chart that shows the values under the pointer, or under the arrow keys. */
export class Chart {
  readonly element: HTMLElement;
  private readonly legend = html('div', {class: 'legend'});
  private readonly drawing = svg('svg', {tabindex: 0, role: 'img'});
  private readonly cursor = svg('g', {class: 'cursor'});
  private family: Family;
  private view: View;
  /** What is drawn: the curves as they are and smoothed, and where a point is in the drawing. */
  private drawn: {curve: Curve; smoothed: Curve['points']}[] = [];
  private place: {x: (step: number) => number; y: (value: number) => number; from: number; to: number} | undefined;
  /** The step whose values are shown; undefined for the newest. */
  private step: number | undefined;

  constructor(family: Family, view: View) {
    [this.family, this.view] = [family, view];
    this.element = html(
      'figure',
      {class: 'chart'},
      html('figcaption', {}, html('h3', {}, family.title), this.legend),
      this.drawing,
    );
    this.drawing.addEventListener('pointermove', event => this.point(event));
    this.drawing.addEventListener('pointerdown', event => this.point(event));
    this.drawing.addEventListener('pointerleave', () => this.show(undefined));
    this.drawing.addEventListener('blur', () => this.show(undefined));
    this.drawing.addEventListener('keydown', event => this.press(event));
    new ResizeObserver(() => this.redraw()).observe(this.element);
  }

  draw(family: Family, view: View): void {
    [this.family, this.view] = [family, view];
    this.redraw();
  }

  private redraw(): void {
    const width = Math.max(240, this.element.clientWidth);
    const {smoothing, logarithmic, last, marks} = this.view;
    const usable = ([, value]: [number, number]) => Number.isFinite(value) && (!logarithmic || value > 0);
    const all = this.family.curves.map(curve => ({...curve, points: curve.points.filter(usable)}));
    const steps = all.flatMap(({points}) => (points.length > 0 ? [points[0]![0], points.at(-1)![0]] : []));
    const to = Math.max(...steps);
    const from = to - (to - Math.min(...steps)) * last;
    this.drawn = all.map(curve => {
      const inside = ([step]: [number, number]) => step >= from;
      return {
        curve: {...curve, points: curve.points.filter(inside)},
        // What was before counts in the averages.
        smoothed: smooth(curve.points, curve.points.length > FEW ? smoothing : 0).filter(inside),
      };
    });
    const values = this.drawn.flatMap(({curve}) => curve.points.map(([, value]) => value));
    this.drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    if (values.length === 0) {
      this.place = undefined;
      const none = svg('text', {x: width / 2, y: HEIGHT / 2, 'text-anchor': 'middle'}, 'no value above 0');
      return this.drawing.replaceChildren(none);
    }
    const scale = logarithmic ? logarithmicScale(values) : linearScale(values);
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const x = (step: number) => MARGIN.left + ((step - from) / (to - from || 1)) * (right - MARGIN.left);
    const y = (value: number) => bottom - scale.at(value) * (bottom - MARGIN.top);
    this.place = {x, y, from, to};
    const grid = scale.ticks.map(tick => [
      svg('line', {class: 'grid', x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick)}),
      svg('text', {x: MARGIN.left - 7, y: y(tick) + 4, 'text-anchor': 'end'}, short(tick)),
    ]);
    const below = niceTicks(from, to, 4).filter(step => step >= from && step <= to);
    const axis = below.map(step =>
      svg('text', {x: x(step), y: HEIGHT - 6, 'text-anchor': x(step) > right - 20 ? 'end' : 'middle'}, count(step)),
    );
    const stages = marks
      .filter(step => step > from && step < to)
      .map(step => svg('line', {class: 'mark', x1: x(step), x2: x(step), y1: MARGIN.top, y2: bottom}));
    const line = (points: Curve['points'], kind: string, i: number) =>
      svg('polyline', {
        class: `${kind} colour-${COLOURS[i % COLOURS.length]}`,
        points: thin(points, width)
          .map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`)
          .join(' '),
      });
    const curves = this.drawn.flatMap(({curve, smoothed}, i) => [
      ...(smoothed.length === curve.points.length && this.view.smoothing > 0 && curve.points.length > FEW
        ? [line(curve.points, 'raw', i)]
        : []),
      line(smoothed, 'curve', i),
      ...(curve.points.length <= FEW
        ? curve.points.map(([step, value]) =>
            svg('circle', {class: `colour-${COLOURS[i % COLOURS.length]}`, cx: x(step), cy: y(value), r: 3.5}),
          )
        : []),
    ]);
    this.drawing.replaceChildren(...grid.flat(), ...axis, ...stages, ...curves, this.cursor);
    this.show(this.step);
  }

  /** Shows the values at a step, or the newest. */
  private show(step: number | undefined): void {
    const {place} = this;
    this.step = step;
    const at = this.drawn.map(({smoothed}) => (step === undefined ? smoothed.at(-1) : nearest(smoothed, step)));
    const shown = at.find(point => point !== undefined)?.[0];
    const keys = this.drawn.map(({curve}, i) =>
      html(
        'span',
        {class: `key colour-${COLOURS[i % COLOURS.length]}`},
        ...(this.drawn.length > 1 ? [`${curve.name} `] : []),
        html('b', {}, at[i] ? short(at[i][1]) : '–'),
      ),
    );
    const label = step === undefined ? '' : `step ${count(shown ?? 0)}`;
    this.legend.replaceChildren(...(label ? [html('span', {class: 'step'}, label)] : []), ...keys);
    const told = this.drawn.map(({curve}, i) => `${curve.name} ${at[i] ? short(at[i][1]) : 'none'}`);
    this.drawing.setAttribute('aria-label', `${this.family.title}, step ${count(shown ?? 0)}: ${told.join(', ')}`);
    if (!place || step === undefined || shown === undefined) return this.cursor.replaceChildren();
    const x = place.x(shown);
    this.cursor.replaceChildren(
      svg('line', {x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom}),
      ...at.flatMap((point, i) =>
        point
          ? [
              svg('circle', {
                class: `colour-${COLOURS[i % COLOURS.length]}`,
                cx: place.x(point[0]),
                cy: place.y(point[1]),
                r: 4,
              }),
            ]
          : [],
      ),
    );
  }

  private point({clientX}: PointerEvent): void {
    const {place} = this;
    if (!place) return;
    const {left, width} = this.drawing.getBoundingClientRect();
    const across = ((clientX - left) / width) * this.drawing.viewBox.baseVal.width;
    const [start, end] = [place.x(place.from), place.x(place.to)];
    const part = Math.min(1, Math.max(0, (across - start) / (end - start || 1)));
    this.show(place.from + part * (place.to - place.from));
  }

  private press(event: KeyboardEvent): void {
    const points = this.drawn.find(({smoothed}) => smoothed.length > 0)?.smoothed ?? [];
    const by = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10}[event.key];
    const to = {Home: 0, End: points.length - 1}[event.key];
    if (points.length === 0 || (by === undefined && to === undefined)) {
      if (event.key === 'Escape') this.show(undefined);
      return;
    }
    event.preventDefault();
    const current = points.findIndex(([step]) => step === nearest(points, this.step ?? Infinity)![0]);
    const next = to ?? (this.step === undefined ? points.length - 1 : current + by!);
    this.show(points[Math.min(points.length - 1, Math.max(0, next))]![0]);
  }
}

/** How high values are, from 0 to 1, and which are told beside the chart. */
interface Scale {
  ticks: number[];
  at: (value: number) => number;
}

function linearScale(values: number[]): Scale {
  const [least, greatest] = range(values);
  const margin = 0.06 * (greatest - least) || Math.abs(least) / 10 || 1;
  const [low, high] = [least - margin, greatest + margin];
  const ticks = niceTicks(low, high).filter(tick => tick >= low && tick <= high);
  return {ticks, at: value => (value - low) / (high - low)};
}

function logarithmicScale(values: number[]): Scale {
  const [least, greatest] = range(values.map(Math.log10));
  // One value alone is in the middle of some about it.
  const margin = least === greatest ? 0.1 : 0;
  const [low, high] = [least - margin, greatest + margin];
  const span = high - low;
  const within = (tick: number) => tick > 0 && Math.log10(tick) >= low - 1e-9 && Math.log10(tick) <= high + 1e-9;
  const powers = Array.from({length: Math.floor(high) - Math.floor(low) + 1}, (_, i) => 10 ** (Math.floor(low) + i));
  const ticks = powers.flatMap(power => (span < 1.5 ? [1, 2, 5] : [1]).map(factor => factor * power)).filter(within);
  const few = Math.ceil(ticks.length / 6);
  return {
    ticks: ticks.length > 1 ? ticks.filter((_, i) => i % few === 0) : niceTicks(10 ** low, 10 ** high).filter(within),
    at: value => (Math.log10(value) - low) / span,
  };
}

/** The least and the greatest. They can be too many to be arguments of `Math.max`. */
function range(values: number[]): [number, number] {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}
