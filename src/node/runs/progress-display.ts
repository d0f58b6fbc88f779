import type {MultiBar, SingleBar} from 'cli-progress';
import cliProgress from 'cli-progress';
import type {Speed} from './pace.js';

/** Milliseconds between lines where no bar can be drawn. */
const LINE_EVERY = 5000;

/** So that the losses fit into 80 columns. */
const SHORT_NAMES: Record<string, string> = {discriminatorLoss: 'D', generatorLoss: 'G'};

/** Shows the progress of training: a bar in a terminal, plain lines elsewhere. */
export function progressDisplay(output: NodeJS.WriteStream) {
  // MultiBar, for its log: a SingleBar draws over lines written beside it.
  let bars: MultiBar | undefined;
  let bar: SingleBar | undefined;
  let total: number | undefined;
  let shownLosses = '';
  let lastLine = Date.now();

  const say = (message: string) => {
    if (!bars) output.write(message + '\n');
    bars?.log(message + '\n');
    bars?.update();
  };
  const line = (done: string, step: number, {speed, left, losses}: Record<string, string>) =>
    total === undefined
      ? `${done} ${step}  ${speed} images/s  ${losses}`
      : `${done} ${step}/${total}  ${speed} images/s  ${left} left  ${losses}`;
  return {
    say,
    /** @param steps how many there are; undefined where that is not known, and then no bar is drawn nor a time told. */
    start(first: number, steps: number | undefined): void {
      total = steps;
      if (!output.isTTY) return;
      bars = new cliProgress.MultiBar({
        stream: output,
        format: (options, {value, progress}, payload: Record<string, string>) => {
          const drawn = total === undefined ? '' : ` ${cliProgress.Format.BarFormat(progress, options)}`;
          // A line wider than the terminal would be drawn anew at every step.
          return line(payload.stage + drawn, value, payload).slice(0, output.columns - 1);
        },
        barsize: 8,
        linewrap: true,
        forceRedraw: true,
        hideCursor: true,
        gracefulExit: false,
      });
      bar = bars.create(steps ?? 0, first, {stage: 'starting', speed: '-', left: '-', losses: ''});
    },
    step(step: number, stage: string, {imagesPerSecond, secondsLeft}: Speed): void {
      const [speed, left] = [imagesPerSecond.toFixed(1), duration(secondsLeft)];
      bar?.update(step, {stage, speed, left, losses: shownLosses});
      if (!bar && Date.now() - lastLine > LINE_EVERY) {
        lastLine = Date.now();
        say(line(stage, step, {speed, left, losses: shownLosses}));
      }
    },
    losses(losses: Record<string, number>): void {
      shownLosses = Object.entries(losses)
        .map(([name, value]) => `${SHORT_NAMES[name] ?? name} ${value.toPrecision(3)}`)
        .join('  ');
    },
    stop(): void {
      bars?.stop();
      bars = bar = undefined;
    },
  };
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}m${String(whole % 60).padStart(2, '0')}s`
    : `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}
