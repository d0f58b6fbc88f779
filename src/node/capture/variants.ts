import type * as tf from '@tensorflow/tfjs';
import type {CapturedStep, CaptureStatus} from '../../training/step-capture.js';
import type {Seeds} from './captured-graph.js';

/** Combinations of values that are captured side by side; of more, those that came last. */
const MAX_VARIANTS = 8;

/** Calls in a row with values that none of these combinations has, after which that is told. */
const TELL_AFTER = 32;

/** A step for one combination of the values that it depends on. */
export interface Variant<A extends tf.Tensor[], R> extends Pick<CapturedStep<A, R>, 'status' | 'dispose'> {
  /** @param seeds by which the call draws random numbers. */
  call(inputs: A, seeds: Seeds): R;
}

/** A step that is captured apart for each combination of values that decide in JavaScript what it does. */
export class Variants<A extends tf.Tensor[], R> implements Variant<A, R> {
  /** By their values; the one that was used last stands last. */
  private readonly variants = new Map<string, Variant<A, R>>();
  private readonly numbers = new WeakMap<object, number>();
  private readonly symbols = new Map<symbol, number>();
  private references = 0;
  /** The values of the call before, and how many calls in a row had new ones. */
  private last: string[] = [];
  private newInRow = 0;

  constructor(
    private readonly make: () => Variant<A, R>,
    private readonly dependsOn: () => readonly unknown[],
    private readonly warn: (message: string) => void,
  ) {
    this.current();
  }

  get status(): CaptureStatus {
    const all = [...this.variants.values()].map(({status}) => status);
    const inState = (wanted: CaptureStatus['state']) => all.find(({state}) => state === wanted);
    const reason = all.flatMap(status => status.reason ?? []).at(-1);
    return {
      state: (inState('captured') ?? inState('eager') ?? all[0]!).state,
      ...(reason === undefined ? {} : {reason}),
      graphs: all.reduce((sum, {graphs}) => sum + graphs, 0),
      nodes: Math.max(...all.map(({nodes}) => nodes)),
      weightBytes: Math.max(...all.map(({weightBytes}) => weightBytes)),
    };
  }

  call(inputs: A, seeds: Seeds): R {
    return this.current().call(inputs, seeds);
  }

  dispose(): void {
    for (const variant of this.variants.values()) variant.dispose();
  }

  private current(): Variant<A, R> {
    const values: unknown = this.dependsOn();
    if (!Array.isArray(values)) {
      throw new Error(`captureStep: dependsOn must return an array of values, but it returned ${typeof values}.`);
    }
    const described = values.map(value => this.describe(value));
    const key = described.join();
    this.newInRow = this.variants.has(key) ? 0 : this.newInRow + 1;
    if (this.newInRow === TELL_AFTER) this.tell(described);
    this.last = described;
    const variant = this.variants.get(key) ?? this.make();
    this.variants.delete(key);
    this.variants.set(key, variant);
    const [oldest] = this.variants.keys();
    if (this.variants.size > MAX_VARIANTS) {
      this.variants.get(oldest!)!.dispose();
      this.variants.delete(oldest!);
    }
    return variant;
  }

  private tell(values: string[]): void {
    const changing = values.findIndex((value, i) => value !== this.last[i]);
    this.warn(
      `captureStep: for ${TELL_AFTER} calls in a row dependsOn has returned values that none of the last ${MAX_VARIANTS} combinations ` +
        `had, so that the step is recorded anew at every call, which is slower than not capturing it: value ${changing} changes, ` +
        `now ${values[changing]}. Return what takes few values alone, and give the step numbers that change as inputs.`,
    );
  }

  /** Different for values that differ (`Object.is`). */
  private describe(value: unknown): string {
    const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
    if (!isObject && typeof value !== 'symbol') {
      return `${typeof value} ${Object.is(value, -0) ? '-0' : JSON.stringify(String(value))}`;
    }
    const numbers = (isObject ? this.numbers : this.symbols) as Map<unknown, number>;
    if (!numbers.has(value)) numbers.set(value, this.references++);
    return `${typeof value} ${numbers.get(value)!}`;
  }
}
