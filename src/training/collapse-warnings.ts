import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';
import type {Diagnostics} from './diagnostics.js';
import {GanCallback} from './gan-callback.js';

/** What `collapseWarnings` can be told. */
export interface CollapseWarningsOptions {
  /** Steps between two looks at training: a whole number from 1. Default 10. */
  logEvery?: number;
  /** How many looks in a row must show a sign before it is told of: a whole number from 1. Default 20. */
  patience?: number;
  /** Told of each sign once. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

const OPTIONS: OptionNames<CollapseWarningsOptions> = {logEvery: true, patience: true, onWarning: true};

/** A sign that a GAN collapses. */
interface Sign {
  /** The scalars that it is seen by; a step that has not all of them says nothing of it. */
  by: string[];
  /** What is seen, if it is seen; `usual` is the largest norm of the generator's gradient among the first looks. */
  see: (scalars: number[], usual: number | undefined) => string | undefined;
  remedy: string;
}

const SIGNS: Sign[] = [
  {
    by: ['logits/shareRight', 'loss/discriminatorLoss'],
    see: ([right, loss]) => {
      if (right !== 1 || Math.abs(loss!) > 1e-3) return undefined;
      return `the critic tells every real sample from every fake one, at a loss of ${figures(loss!)}, so that it has nothing more to teach`;
    },
    remedy: 'a smaller discriminatorLearningRate, instanceNoise, labelSmoothing or r1Penalty',
  },
  {
    by: ['gradientNorm/generator'],
    see: ([norm], usual) => {
      if (usual === undefined || norm! > 1e-3 * usual) return undefined;
      return `the norm of the generator's gradient is ${figures(norm!)}, where it was ${figures(usual)} at first, so that it hardly learns`;
    },
    remedy:
      "a smaller discriminatorLearningRate, r1Penalty, or another activation at the generator's end, which may be saturated",
  },
  {
    by: ['samples/realSpread', 'samples/fakeSpread'],
    see: ([real, fake]) => {
      if (fake! >= 0.1 * real!) return undefined;
      return `the generator's samples of a batch differ by ${figures(fake!)} and the real ones by ${figures(real!)}: it makes nearly the same for every input`;
    },
    remedy:
      'a paired loss (RelativisticPairedLoss) with r1Penalty and r2Penalty, larger batches, or a smaller generatorLearningRate',
  },
];

/** Looks from which the usual norm of a gradient is taken. */
const FIRST_LOOKS = 5;

/**
 * A callback of `GAN.fitDataset` that warns of the signs of a collapse, each in one line and once, with what to try. A sign
 * must show at `patience` looks in a row, so that one odd batch is none:
 *
 * - the critic is saturated: it is right about each pair of a batch, at a loss below 0.001;
 * - the generator's gradient vanishes: its norm is a thousandth of what it was at the first five looks;
 * - the samples become one: they differ by less than a tenth of how the real ones do (`samples/...Spread` of
 *   `GAN.diagnostics`).
 *
 * Training goes on in any case. A warm-up without the critic shows none of them.
 *
 * @param options see `CollapseWarningsOptions`.
 * @throws if an option is unknown or a number is not a whole number from 1.
 * @example
 * const photos = photoDataset('photos', {patch: 64, batch: 8});
 * await gan.fitDataset(photos, {epochs: 1, batchesPerEpoch: 1000, callbacks: collapseWarnings()});
 *
 * Arjovsky and Bottou, "Towards Principled Methods for Training Generative Adversarial Networks", 2017,
 * https://arxiv.org/abs/1701.04862, on the first two
 */
export function collapseWarnings(options: CollapseWarningsOptions = {}): GanCallback {
  requireKnownOptions('collapseWarnings', options, OPTIONS);
  const {logEvery = 10, patience = 20, onWarning = console.warn} = options;
  for (const [name, count] of Object.entries({logEvery, patience})) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new Error(`collapseWarnings: ${name} must be a whole number of at least 1, but it is ${count}.`);
    }
  }
  return new CollapseWatch(logEvery, patience, onWarning);
}

class CollapseWatch extends GanCallback {
  /** Those that were not told of, and how many looks in a row have shown each. */
  private readonly untold = new Map(SIGNS.map(sign => [sign, 0]));
  private readonly firstNorms: number[] = [];

  constructor(
    logEvery: number,
    private readonly patience: number,
    private readonly onWarning: (message: string) => void,
  ) {
    super({logEvery});
  }

  override onDiagnostics({step, scalars}: Diagnostics): void {
    // A warm-up, or a step that was left out.
    if (scalars['logits/shareRight'] === undefined || !Object.values(scalars).every(Number.isFinite)) return;
    const norm = scalars['gradientNorm/generator'];
    if (norm !== undefined && this.firstNorms.length < FIRST_LOOKS) this.firstNorms.push(norm);
    const usual = this.firstNorms.length < FIRST_LOOKS ? undefined : Math.max(...this.firstNorms);
    for (const [sign, looks] of this.untold) {
      const values = sign.by.map(name => scalars[name]);
      // Of the generator's gradient only a step tells in which the generator learns: see discriminatorSteps.
      if (!values.every(value => value !== undefined)) continue;
      const seen = sign.see(values, usual);
      this.untold.set(sign, seen === undefined ? 0 : looks + 1);
      if (seen === undefined || looks + 1 < this.patience) continue;
      this.untold.delete(sign);
      this.onWarning(`step ${step}: ${seen}. Try ${sign.remedy}.`);
    }
  }
}

function figures(value: number): string {
  return String(Number(value.toPrecision(2)));
}
