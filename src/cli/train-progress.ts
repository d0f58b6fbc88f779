import {SingleBar} from 'cli-progress';
import type {Stage} from '../node/train-session.js';

/** Milliseconds between lines where no bar can be drawn. */
const LINE_EVERY = 5000;

/** Shows a run's progress: a bar in a terminal, plain lines elsewhere. */
export function trainProgress(output: NodeJS.WriteStream) {
  let bar: SingleBar | undefined;
  let total = 0;
  let shownLosses = '';
  let lastLine = Date.now();

  const say = (message: string) => {
    if (bar && output.isTTY) output.write('\r\u001b[K');
    output.write(message + '\n');
  };
  return {
    say,
    start(first: number, steps: number): void {
      total = steps;
      if (!output.isTTY) return;
      bar = new SingleBar({
        stream: output,
        format: '{stage} {bar} {value}/{total}  {speed} images/s  {left} left  {losses}',
        barsize: 24,
        hideCursor: true,
        gracefulExit: false,
      });
      bar.start(steps, first, {stage: 'starting', speed: '-', left: '-', losses: ''});
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
        .map(([name, value]) => `${name.replace('Loss', '')} ${value.toFixed(4)}`)
        .join('  ');
    },
    stop(): void {
      bar?.stop();
      bar = undefined;
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
