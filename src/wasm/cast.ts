import type {Kernel} from './kernel.js';

/** A cast to bool is 1 wherever the number is not 0; the backend's own copies its lowest byte: 255 of -1, 0 of 0.5. */
export function cast(original: Kernel): Kernel {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    if (attrs.dtype !== 'bool' || x.dtype === 'bool') return original(inputs, attrs, backend);
    const out = backend.makeOutput(x.shape, 'bool');
    const values = backend.typedArrayFromHeap(x);
    const target = backend.typedArrayFromHeap(out);
    for (let i = 0; i < values.length; i++) target[i] = values[i] === 0 ? 0 : 1;
    return out;
  };
}
