import type {Kernel} from './kernel.js';

/** Half the sum of squares in one pass over memory: see `halfSquares`. */
export const l2Loss: Kernel = ({t}, _, backend) => {
  const out = backend.makeOutput([], 'float32');
  backend.typedArrayFromHeap(out)[0] = sumOfSquares(backend.typedArrayFromHeap(t!)) / 2;
  return out;
};

function sumOfSquares(values: Float32Array): number {
  // Sums side by side do not wait for each other.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i < values.length - 3; i += 4) {
    const p = values[i]!;
    const q = values[i + 1]!;
    const r = values[i + 2]!;
    const s = values[i + 3]!;
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (; i < values.length; i++) a += values[i]! * values[i]!;
  return a + b + c + d;
}
