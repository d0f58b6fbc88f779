import type * as tf from '@tensorflow/tfjs';
import {backend_util, util} from '@tensorflow/tfjs';
import {copyRun} from './copy-run.js';
import type {Kernel} from './kernel.js';

/** Splits a tensor in one pass; the backend's own kernel copies all of it anew for each part. */
export function splitV(original: Kernel<tf.TensorInfo[]>): Kernel<tf.TensorInfo[]> {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    if (x.dtype !== 'float32') return original(inputs, attrs, backend);
    const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0]!;
    const sizes = backend_util.prepareSplitSize(x, attrs.numOrSizeSplits as number | number[], axis);
    const parts = sizes.map(size =>
      backend.makeOutput([...x.shape.slice(0, axis), size, ...x.shape.slice(axis + 1)], 'float32'),
    );
    const values = backend.typedArrayFromHeap(x);
    const inner = util.sizeFromShape(x.shape.slice(axis + 1));
    const outer = util.sizeFromShape(x.shape.slice(0, axis));
    let begin = 0;
    parts.forEach((part, i) => {
      const target = backend.typedArrayFromHeap(part);
      const run = sizes[i]! * inner;
      for (let row = 0; row < outer; row++) {
        copyRun(values, row * x.shape[axis]! * inner + begin, target, row * run, run);
      }
      begin += run;
    });
    return parts;
  };
}
