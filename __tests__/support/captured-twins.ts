import * as tf from '@tensorflow/tfjs';
import type {CaptureStatus} from '../../src/training/step-capture.js';
import type {CaptureOptions} from '../../src/node/index.js';
import {captureStep} from '../../src/node/index.js';

/** A step on one scalar, and what it works on. */
export interface Twin {
  step: (x: tf.Tensor) => tf.Tensor | undefined;
  /** Compared after every call. */
  variables?: tf.Variable[];
  /** Called before every call. */
  between?: (call: number) => void;
  options?: Partial<CaptureOptions>;
}

/**
 * Runs a step and its captured twin, each on what `make` made for it, and expects the same results and the same variables
 * after every call.
 *
 * @returns how the captured one ran, with its warnings.
 */
export function captureTwins(make: () => Twin, calls: number): CaptureStatus & {warnings: string[]} {
  const warnings: string[] = [];
  const run = (captured: boolean) => {
    const {step, variables = [], between, options} = make();
    const onWarning = (message: string) => void warnings.push(message);
    const used = captureStep(step, {inputs: [{shape: [], dtype: 'float32'}], onWarning, ...options});
    const results = Array.from({length: calls}, (_, call) => {
      between?.(call);
      return tf.tidy(() => {
        const result = (captured ? used : step)(tf.scalar(1 + (call % 3)));
        return [...(result ? [result] : []), ...variables].flatMap(one => [...one.dataSync()]);
      });
    });
    const {status} = used;
    used.dispose();
    return {results, status};
  };
  const [ours, theirs] = [run(true), run(false)];
  ours.results.forEach((values, call) => {
    expect(values).toHaveLength(theirs.results[call]!.length);
    values.forEach((value, i) => {
      const expected = theirs.results[call]![i]!;
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(expected)));
    });
  });
  return {...ours.status, warnings};
}
