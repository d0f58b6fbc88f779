import type * as tf from '@tensorflow/tfjs';
import type {CapturedStep, CaptureStatus} from '../../training/step-capture.js';

/** Combinations of values that are captured side by side; of more, those that came last. */
const MAX_VARIANTS = 8;

/** A step for one combination of the values that it depends on. */
export interface Variant<A extends tf.Tensor[], R> extends Pick<CapturedStep<A, R>, 'status' | 'dispose'> {
  call(inputs: A): R;
}

/** A step that is captured apart for each combination of values that decide in JavaScript what it does. */
export class Variants<A extends tf.Tensor[], R> implements Variant<A, R> {
  /** By their values; the one that was used last stands last. */
  private readonly variants = new Map<string, Variant<A, R>>();
  private readonly numbers = new WeakMap<object, number>();
  private readonly symbols = new Map<symbol, number>();
  private references = 0;

  constructor(
    private readonly make: () => Variant<A, R>,
    private readonly dependsOn: () => readonly unknown[],
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

  call(inputs: A): R {
    return this.current().call(inputs);
  }

  dispose(): void {
    for (const variant of this.variants.values()) variant.dispose();
  }

  private current(): Variant<A, R> {
    const values: unknown = this.dependsOn();
    if (!Array.isArray(values)) {
      throw new Error(`captureStep: dependsOn must return an array of values, but it returned ${typeof values}.`);
    }
    const key = values.map(value => this.describe(value)).join();
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
