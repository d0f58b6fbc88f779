import type {LogRecord} from '../../runs/log.js';

/** A number over the steps. */
export interface Curve {
  name: string;
  /** Step and value, in order of the steps. */
  points: [step: number, value: number][];
}

/** What is drawn in one chart: what differs only in whose it is. */
export interface Family {
  title: string;
  curves: Curve[];
}

/** What a log tells of a moment rather than of training. */
const OF_THE_MOMENT = new Set(['step', 'seconds']);

/** Whose a number can be; the rest of its name says what it is. */
const WHOSE = /^(discriminator|generator|critic|real|fake)(?=[A-Z]|$)/;

/** Charts that tell less of how training goes than the others. */
const BEHIND = /^(weighted loss|learning rate|speed|memory|guard)\b/;

/** The numbers of a log, as it grows. */
export class Readings {
  private readonly curves = new Map<string, Curve>();
  /** The newest record of training, of each evaluation by its name, and the steps at which a stage began after the first. */
  latest: LogRecord | undefined;
  evaluations: Record<string, LogRecord> = {};
  stageSteps: number[] = [];
  private stage: unknown;
  /** Steps and seconds of the newest records, to tell the speed by. */
  private recent: [step: number, seconds: number][] = [];

  add(records: LogRecord[]): void {
    for (const record of records) {
      const step = Number(record.step);
      if (!Number.isFinite(step)) continue;
      for (const [name, value] of Object.entries(record)) {
        if (typeof value === 'number' && !OF_THE_MOMENT.has(name)) this.curve(name).points.push([step, value]);
      }
      if (record.evaluation !== undefined) {
        this.evaluations[String(record.evaluation)] = record;
        continue;
      }
      if (this.stage !== undefined && record.stage !== this.stage) this.stageSteps.push(Number(this.latest?.step));
      this.stage = record.stage;
      this.latest = record;
      if (typeof record.seconds === 'number') this.recent = [...this.recent.slice(-19), [step, record.seconds]];
    }
  }

  /** Steps in a second, over the newest records; undefined before there are two. */
  get stepsPerSecond(): number | undefined {
    const [first, last] = [this.recent[0], this.recent.at(-1)];
    if (!first || !last || last[1] <= first[1]) return undefined;
    return (last[0] - first[0]) / (last[1] - first[1]);
  }

  /** The charts: the losses of both networks, what else is told of training as the log has it, and what has few points. */
  families(): Family[] {
    const families = new Map<string, Family>();
    for (const curve of this.curves.values()) {
      const [own, group] = curve.name.split('/').reverse() as [string, string?];
      const bare = own.replace(WHOSE, '');
      const title = titleOf(group, bare);
      const key = title.toLowerCase();
      const family = families.get(key) ?? {title, curves: []};
      families.set(key, family);
      family.curves.push({...curve, name: bare === own ? words(own) : WHOSE.exec(own)![0]});
    }
    const length = ({curves}: Family) => Math.max(...curves.map(({points}) => points.length));
    const rank = ({title}: Family) => (title === 'loss' ? 0 : BEHIND.test(title) ? 2 : 1);
    const all = [...families.values()].sort((a, b) => rank(a) - rank(b));
    const most = Math.max(0, ...all.map(length));
    const few = (family: Family) => length(family) < most / 10;
    // One score is a figure, no curve.
    return [...all.filter(family => !few(family)), ...all.filter(family => few(family) && length(family) > 1)];
  }

  private curve(name: string): Curve {
    const curve = this.curves.get(name) ?? {name, points: []};
    this.curves.set(name, curve);
    return curve;
  }
}

/** Of a number such as `logits/realMean`, where `bare` is `Mean`. */
function titleOf(group: string | undefined, bare: string): string {
  if (group === undefined) return words(bare);
  // As in weightedLoss/generatorLoss.
  if (bare === '' || words(group).endsWith(words(bare))) return words(group);
  return `${words(group)}: ${words(bare)}`;
}

/** `psnrY` as PSNR-Y, `discriminatorLoss` as discriminator loss. */
export function words(name: string): string {
  const measure = /^(psnr|ssim)(.*)$/.exec(name);
  if (measure) return [measure[1]!.toUpperCase(), measure[2]].filter(Boolean).join('-');
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('-', ' ')
    .toLowerCase();
}
