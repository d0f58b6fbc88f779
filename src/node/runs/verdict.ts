import type {TrainSummary} from './summary.js';

/** Whether a run has worked, in words. */
export interface Verdict {
  headline: string;
  /** The figures that it rests on. */
  figures: string;
  /** Better than bicubic enlargement by PSNR, only sharper, or neither. */
  kind: 'good' | 'mixed' | 'bad';
}

const WHEN = {end: '', afterWarmup: 'after the warm-up, ', start: 'before training, '} as const;

/** What nobody sees: less than so many decibels. */
const EQUAL = 0.05;

/** The model against bicubic enlargement, at the last point where it was measured; undefined if it never was. */
export function verdictOn({validation: {psnrY, sharpness}}: TrainSummary): Verdict | undefined {
  const point = (['end', 'afterWarmup', 'start'] as const).find(name => isNumber(psnrY[name]));
  if (point === undefined || !isNumber(psnrY.bicubic)) return undefined;
  const gain = psnrY[point]! - psnrY.bicubic;
  const [edges, bicubicEdges] = [sharpness[point], sharpness.bicubic];
  const known = isNumber(edges) && isNumber(bicubicEdges);
  // Noise has edges too: more of them than the truth are none the better.
  const sharper = known && edges > bicubicEdges && Math.abs(edges - 1) < Math.abs(bicubicEdges - 1);
  const decibels = `${Math.abs(gain).toFixed(Math.abs(gain) < 0.95 ? 2 : 1)} dB`;
  const figures = [
    `${WHEN[point]}PSNR-Y ${psnrY[point]!.toFixed(2)} dB, bicubic ${psnrY.bicubic.toFixed(2)} dB`,
    ...(known ? [`sharpness ${edges.toFixed(2)} of the truth's, bicubic ${bicubicEdges.toFixed(2)}`] : []),
  ];
  return {...judge(gain, decibels, sharper), figures: `${capitalised(figures.join('; '))}.`};
}

function judge(gain: number, decibels: string, sharper: boolean): Pick<Verdict, 'headline' | 'kind'> {
  if (gain >= EQUAL) {
    return {kind: 'good', headline: `Better than bicubic by ${decibels}${sharper ? ', and sharper' : ''}`};
  }
  const against = gain <= -EQUAL ? `${decibels} further from the truth` : 'as close to the truth';
  return sharper
    ? {kind: 'mixed', headline: `Sharper than bicubic, and ${against}`}
    : {kind: 'bad', headline: gain <= -EQUAL ? `Worse than bicubic by ${decibels}` : 'No better than bicubic'};
}

/** A measure that is not finite is null in a file. */
function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
