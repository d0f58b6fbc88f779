import * as tf from '@tensorflow/tfjs';
import type {Averaging} from 'tfjs-ragan';

/** Totals depend on earlier ones: after this many rounds all are right. */
const ROUNDS = 4;

/**
 * Runs a function for every part of a batch as processes would run it that exchange their sums: its n-th total is that of
 * all parts' n-th sums.
 */
export function overParts<T>(parts: number, run: (part: number, averaging: Averaging) => T): T[] {
  let sums: ReturnType<Averaging['total']>[][] = [];
  let results: T[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = sums;
    sums = Array.from({length: parts}, () => []);
    results = sums.map((own, part) =>
      run(part, {
        total(sum, count) {
          const call = own.push({sum: tf.keep(tf.clone(sum)), count}) - 1;
          if (round === 0) return {sum, count};
          const all = before.map(ofPart => ofPart[call]!);
          return {sum: tf.addN(all.map(one => one.sum)), count: all.reduce((total, one) => total + one.count, 0)};
        },
      }),
    );
  }
  return results;
}
