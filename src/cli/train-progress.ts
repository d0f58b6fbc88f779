import type {MultiBar, SingleBar} from 'cli-progress';
import cliProgress from 'cli-progress';
import type {Stage} from '../node/runs/events.js';

/** Milliseconds between lines where no bar can be drawn. */
const LINE_EVERY = 5000;

/** So that the losses fit into 80 columns. */
const SHORT_NAMES: Record<string, string> = {discriminatorLoss: 'D', generatorLoss: 'G'};

/** Shows a run's progress: a bar in a terminal, plain lines elsewhere. */
export function trainProgress(output: NodeJS.WriteStream) {
  // MultiBar, for its log: a SingleBar draws over lines written beside it.
  let bars: MultiBar | undefined;
  let bar: SingleBar | undefined;
  let total = 0;
  let shownLosses = '';
  let lastLine = Date.now();

  const say = (message: string) => {
    if (!bars) output.write(message + '\n');
    bars?.log(message + '\n');
    bars?.update();
  };
  return {
    say,
    start(first: number, steps: number): void {
      total = steps;
      if (!output.isTTY) return;
      bars = new cliProgress.MultiBar({
        stream: output,
        // A line wider than the terminal would be drawn anew at every step.
        format: (options, {value, progress}, {stage, speed, left, losses}: Record<string, string>) =>
          `${stage} ${cliProgress.Format.BarFormat(progress, options)} ${value}/${total}  ${speed} images/s  ${left} left  ${losses}`.slice(
            0,
            output.columns - 1,
          ),
        barsize: 8,
        linewrap: true,
        forceRedraw: true,
        hideCursor: true,
        gracefulExit: false,
      });
      bar = bars.create(steps, first, {stage: 'starting', speed: '-', left: '-', losses: ''});
    },
    step(
      step: number,
      stage: Stage,
      {imagesPerSecond, secondsLeft}: {imagesPerSecond: number; secondsLeft: number},
    ): void {
      const [speed, left] = [imagesPerSecond.toFixed(1), duration(secondsLeft)];
      bar?.update(step, {stage, speed, left, losses: shownLosses});
      if (!bar && Date.now() - lastLine > LINE_EVERY) {
        lastLine = Date.now();
        say(`${stage} ${step}/${total}  ${speed} images/s  ${left} left  ${shownLosses}`);
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
