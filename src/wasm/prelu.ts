import type {Kernel} from './kernel.js';
import {disposeAll, runKernel} from './kernel.js';

/** Parametric ReLU with slopes of any shape that broadcasts; the backend's own repeats them as if they were the last axes. */
export function prelu(original: Kernel): Kernel {
  return (inputs, attrs, backend) => {
    const [x, alpha] = [inputs.x!, inputs.alpha!];
    const shape = [...x.shape.slice(alpha.shape.length).fill(1), ...alpha.shape];
    const first = shape.findIndex(size => size !== 1);
    if (first < 0 || shape.slice(first).join() === x.shape.slice(first).join()) return original(inputs, attrs, backend);
    const slopes = runKernel(backend, 'Reshape', {x: alpha}, {shape});
    const full = runKernel(backend, 'Tile', {x: slopes}, {reps: x.shape.map((size, axis) => size / shape[axis]!)});
    const out = original({x, alpha: full}, attrs, backend);
    disposeAll(backend, slopes, full);
    return out;
  };
}
