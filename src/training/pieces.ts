import type * as tf from '@tensorflow/tfjs';
import type {CapturedCall, CapturedStep, CaptureOptions, CaptureStatus, StepCapturer} from './step-capture.js';

/**
 * Runs a piece of a step, of that name.
 *
 * @param dependsOn numbers by which the piece differs from call to call, besides what the whole step depends on.
 */
export type RunPiece = <R>(
  name: string,
  piece: (...inputs: tf.Tensor[]) => R,
  inputs: tf.Tensor[],
  dependsOn?: number[],
) => R;

/** Runs a piece as it is. */
export const runPiece: RunPiece = (_, piece, inputs) => piece(...inputs);

/**
 * A step whose pieces are captured, each by itself: what the step does between them runs as usual. So a piece that the step
 * runs many times is one graph, and its memory is free again before it runs once more.
 *
 * @param step is given what runs its pieces.
 */
export function capturePieces<A extends tf.Tensor[], R>(
  capturer: StepCapturer,
  step: (run: RunPiece) => (...inputs: A) => R,
  {dependsOn = () => [], ...options}: Omit<CaptureOptions, 'inputs'>,
): CapturedCall<A, R> {
  const captured = new Map<string, CapturedStep<tf.Tensor[], unknown>>();
  let now: {piece: (...inputs: tf.Tensor[]) => unknown; dependsOn: number[]};
  const run: RunPiece = (name, piece, inputs, own = []) => {
    now = {piece, dependsOn: own};
    const key = [name, ...inputs.map(({dtype}) => dtype)].join();
    if (!captured.has(key)) {
      const all = {...options, inputs, dependsOn: () => [...dependsOn(), ...now.dependsOn]};
      captured.set(
        key,
        capturer.capture((...values: tf.Tensor[]) => now.piece(...values), all),
      );
    }
    return captured.get(key)!(...inputs) as ReturnType<typeof piece>;
  };
  const dispose = () => {
    for (const one of captured.values()) one.dispose();
  };
  return Object.defineProperties((...inputs: A) => step(run)(...inputs), {
    status: {get: () => together([...captured.values()].map(({status}) => status))},
    dispose: {value: dispose},
  }) as CapturedCall<A, R>;
}

/** Captured where all pieces are; of the largest the nodes and bytes. */
function together(all: CaptureStatus[]): CaptureStatus {
  const eager = all.find(({state}) => state === 'eager');
  const recording = all.length === 0 || all.some(({state}) => state === 'recording');
  return {
    state: eager ? 'eager' : recording ? 'recording' : 'captured',
    ...(eager?.reason !== undefined && {reason: eager.reason}),
    graphs: all.reduce((sum, {graphs}) => sum + graphs, 0),
    nodes: Math.max(0, ...all.map(({nodes}) => nodes)),
    weightBytes: Math.max(0, ...all.map(({weightBytes}) => weightBytes)),
  };
}
