import type {OptionNames} from '../options.js';
import {requireKnownOptions} from '../options.js';

/** A learning rate by the number of steps taken before, from 0: at least 0, and finite. */
export type LearningRateSchedule = (step: number) => number;

/** What `warmUp` can be told. */
export interface WarmUpOptions {
  /** How many steps the rate rises over, a whole number of at least 0. */
  steps: number;
  /** The rate that it rises to, or the schedule that it rises along. */
  rate: number | LearningRateSchedule;
}

const WARM_UP_OPTIONS: OptionNames<WarmUpOptions> = {steps: true, rate: true};

/** What `multiStep` can be told. */
export interface MultiStepOptions {
  /** The rate before the first milestone. */
  rate: number;
  /** The steps at which the rate is multiplied by `factor`, in rising order. */
  milestones: number[];
  /** Default 0.5, as ESRGAN's paper has it. */
  factor?: number;
  /** How many steps the rate first rises over: see `warmUp`. Default 0. */
  warmUp?: number;
}

const MULTI_STEP_OPTIONS: OptionNames<MultiStepOptions> = {rate: true, milestones: true, factor: true, warmUp: true};

/** What `cosine` can be told. */
export interface CosineOptions {
  /** The highest rate, from which it falls. */
  rate: number;
  /** The step at which it has reached `minimum`, where it stays; those of `warmUp` are among them. */
  steps: number;
  /** The lowest rate. Default 0. */
  minimum?: number;
  /** How many steps the rate first rises over: see `warmUp`. Default 0. */
  warmUp?: number;
}

const COSINE_OPTIONS: OptionNames<CosineOptions> = {rate: true, steps: true, minimum: true, warmUp: true};

/**
 * A learning rate that rises in equal steps to the given one, and is that from then on: at step i, counted from 0, it is
 * (i + 1) / steps of it.
 *
 * @throws if `steps` is not a whole number of at least 0, or `rate` neither a rate nor a function.
 * @example
 * const schedule = warmUp({steps: 1000, rate: 1e-4});
 * schedule(499); // 5e-5
 *
 * Goyal et al., "Accurate, Large Minibatch SGD", 2017, https://arxiv.org/abs/1706.02677
 */
export function warmUp(options: WarmUpOptions): LearningRateSchedule {
  requireKnownOptions('warmUp', options, WARM_UP_OPTIONS);
  const {steps, rate} = options;
  requireWhole('warmUp', 'steps', steps, 0);
  if (typeof rate !== 'function') requireRate('warmUp', 'rate', rate);
  const schedule = typeof rate === 'function' ? rate : () => rate;
  return step => (step < steps ? (step + 1) / steps : 1) * schedule(step);
}

/**
 * A learning rate that is multiplied by `factor` at each milestone, as PyTorch's `MultiStepLR` and ESRGAN's training do.
 *
 * @throws if a rate or factor is not a number of at least 0, or the milestones are not whole numbers in rising order.
 * @example
 * const schedule = multiStep({rate: 1e-4, milestones: [50_000, 100_000, 200_000, 300_000], factor: 0.5});
 * schedule(60_000); // 5e-5
 */
export function multiStep(options: MultiStepOptions): LearningRateSchedule {
  requireKnownOptions('multiStep', options, MULTI_STEP_OPTIONS);
  const {rate, milestones, factor = 0.5, warmUp: rise = 0} = options;
  requireRate('multiStep', 'rate', rate);
  requireRate('multiStep', 'factor', factor);
  const rising = (milestone: number, i: number) =>
    Number.isInteger(milestone) && milestone >= 0 && (i === 0 || milestone > milestones[i - 1]!);
  if (!Array.isArray(milestones) || !milestones.every(rising)) {
    throw new Error(
      `multiStep: milestones must be whole numbers in rising order, but they are ${JSON.stringify(milestones)}.`,
    );
  }
  const schedule = (step: number) => rate * factor ** milestones.filter(milestone => step >= milestone).length;
  return warmUp({steps: requireWhole('multiStep', 'warmUp', rise, 0), rate: schedule});
}

/**
 * A learning rate that falls along half a cosine, slowly at first and at last, from `rate` to `minimum`:
 * minimum + (rate - minimum) (1 + cos(pi t)) / 2, with t from 0 at the end of the warm-up to 1 at `steps`.
 *
 * @throws if a rate is not a number of at least 0, a count is not a whole number, or `warmUp` is not below `steps`.
 * @example
 * const schedule = cosine({rate: 1e-4, steps: 400_000, warmUp: 1000});
 *
 * Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, https://arxiv.org/abs/1608.03983
 */
export function cosine(options: CosineOptions): LearningRateSchedule {
  requireKnownOptions('cosine', options, COSINE_OPTIONS);
  const {rate, steps, minimum = 0, warmUp: rise = 0} = options;
  requireRate('cosine', 'rate', rate);
  requireRate('cosine', 'minimum', minimum);
  requireWhole('cosine', 'steps', steps, 1);
  requireWhole('cosine', 'warmUp', rise, 0);
  if (rise >= steps) throw new Error(`cosine: warmUp must be below steps, ${steps}, but it is ${rise}.`);
  const schedule = (step: number) => {
    const progress = Math.min(1, Math.max(0, step - rise) / (steps - rise));
    return minimum + ((rate - minimum) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
  return warmUp({steps: rise, rate: schedule});
}

function requireRate(owner: string, name: string, rate: number): void {
  if (!(Number.isFinite(rate) && rate >= 0)) {
    throw new Error(`${owner}: ${name} must be a number of at least 0, but it is ${rate}.`);
  }
}

function requireWhole(owner: string, name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${owner}: ${name} must be a whole number of at least ${least}, but it is ${value}.`);
  }
  return value;
}
