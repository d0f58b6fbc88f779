import type {WatchState} from '../state.js';
import {count, duration, html, short} from './elements.js';
import type {Readings} from './readings.js';
import {words} from './readings.js';

type Settings = NonNullable<WatchState['settings']>;

/** How many steps the whole run has; undefined where its settings do not say. */
export function totalSteps(settings: Settings): number | undefined {
  const {steps, warmupSteps = 0} = settings;
  return typeof steps === 'number' ? steps + Number(warmupSteps) : undefined;
}

/** Whether a run goes on, has come to its end, or was stopped before. */
export function statusOf(running: boolean, readings: Readings): 'running' | 'finished' | 'stopped' {
  if (running) return 'running';
  const end = readings.evaluations.end;
  return end && Number(end.step) >= Number(readings.latest?.step ?? 0) ? 'finished' : 'stopped';
}

/** The figures at the top: name and value. */
export function figures(readings: Readings, settings: Settings, running: boolean): [string, string][] {
  const {latest, evaluations, stepsPerSecond} = readings;
  const step = Number(latest?.step ?? 0);
  const total = totalSteps(settings);
  const all: [string, string | undefined][] = [
    ['step', total === undefined ? count(step) : `${count(step)} of ${count(total)}`],
    ['stage', typeof latest?.stage === 'string' ? latest.stage : undefined],
    ['time', typeof latest?.seconds === 'number' ? duration(latest.seconds) : undefined],
    ['speed', stepsPerSecond === undefined ? undefined : speed(stepsPerSecond, settings.batch)],
  ];
  if (running && total !== undefined && stepsPerSecond) all.push(['left', duration((total - step) / stepsPerSecond)]);
  const [point, scores] = Object.entries(evaluations).at(-1) ?? [];
  for (const [name, unit] of [
    ['psnrY', ' dB'],
    ['ssimY', ''],
    ['sharpness', ''],
  ] as const) {
    const value = scores?.[name];
    if (typeof value === 'number') all.push([`${words(name)}, ${words(point!)}`, short(value) + unit]);
  }
  return all.filter((figure): figure is [string, string] => figure[1] !== undefined);
}

function speed(stepsPerSecond: number, batch: unknown): string {
  return typeof batch === 'number'
    ? `${short(Number((stepsPerSecond * batch).toPrecision(3)))} images/s`
    : `${short(Number(stepsPerSecond.toPrecision(3)))} steps/s`;
}

/** Names and values as the page lists them. */
export function definitions(entries: [string, string][]): HTMLElement[] {
  return entries.map(([name, value]) => html('div', {}, html('dt', {}, name), html('dd', {}, value)));
}
