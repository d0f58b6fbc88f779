import {SHEET_COLUMNS} from '../../runs/sheet-columns.js';
import type {WatchState} from '../state.js';
import type {View} from './chart.js';
import {Chart} from './chart.js';
import {html} from './elements.js';
import {definitions, figures, statusOf, totalSteps} from './facts.js';
import {Gallery} from './gallery.js';
import {Readings, words} from './readings.js';

/** Milliseconds between two looks at the run. */
const LOOK_EVERY = 1000;

const part = <Type extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as Type;
const [smoothing, logarithmic, last] = [
  part<HTMLInputElement>('smoothing'),
  part<HTMLInputElement>('logarithmic'),
  part<HTMLSelectElement>('last'),
];

const gallery = new Gallery();
part('samples').replaceWith(gallery.element);
const charts = new Map<string, Chart>();
let readings = new Readings();
let settings: NonNullable<WatchState['settings']> = {};
let place = '';

/** Looks at the run until nothing more is there at the moment. */
async function look(): Promise<void> {
  for (;;) {
    const answer = await fetch(`/state?place=${encodeURIComponent(place)}`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const state = (await answer.json()) as WatchState;
    if (state.log.fromStart) readings = new Readings();
    settings = state.settings ?? settings;
    readings.add(state.log.records);
    place = state.log.place;
    if (state.log.more) continue;
    show(state);
    return;
  }
}

function show({name, running, sheets, log}: WatchState): void {
  const status = statusOf(running, readings);
  const total = totalSteps(settings);
  const step = Number(readings.latest?.step ?? 0);
  document.title = `${total ? `${Math.floor((100 * step) / total)} % ` : ''}${name}`;
  part('name').textContent = name;
  part('status').textContent = status;
  part('status').className = `status ${status}`;
  part('figures').replaceChildren(...definitions(figures(readings, settings, running)));
  const progress = part<HTMLProgressElement>('progress');
  progress.hidden = total === undefined;
  Object.assign(progress, {max: total ?? 1, value: step});
  gallery.update(sheets, typeof settings.scale === 'number' ? SHEET_COLUMNS : []);
  if (log.records.length > 0 || log.fromStart) {
    drawCharts();
    const shown = Object.entries(settings).map(([key, value]): [string, string] => [words(key), String(value)]);
    part('settings').replaceChildren(...definitions(shown));
    part('settings').parentElement!.hidden = shown.length === 0;
  }
}

function drawCharts(): void {
  const view: View = {
    smoothing: Number(smoothing.value) / 100,
    logarithmic: logarithmic.checked,
    last: Number(last.value),
    marks: readings.stageSteps,
  };
  const families = readings.families();
  part('waiting').hidden = families.length > 0;
  const before = [...charts.keys()].join('\n');
  for (const title of charts.keys()) if (!families.some(family => family.title === title)) charts.delete(title);
  for (const family of families) {
    const chart = charts.get(family.title);
    if (chart) chart.draw(family, view);
    else charts.set(family.title, new Chart(family, view));
  }
  const ordered = families.map(({title}) => title);
  // Put in their places only if those change: what has the focus keeps it.
  if (ordered.join('\n') === before) return;
  part('charts').replaceChildren(...ordered.map(title => charts.get(title)!.element));
}

async function follow(): Promise<void> {
  for (;;) {
    try {
      await look();
      part('lost').hidden = true;
    } catch (error) {
      part('lost').replaceChildren(
        html('b', {}, 'Not up to date: '),
        `tfjs-ragan watch does not answer (${(error as Error).message}).`,
      );
      part('lost').hidden = false;
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY));
    // Nobody looks at a page that is hidden.
    while (document.hidden) {
      await new Promise(resolve => document.addEventListener('visibilitychange', resolve, {once: true}));
    }
  }
}

for (const control of [smoothing, logarithmic, last]) control.addEventListener('input', drawCharts);
void follow();
